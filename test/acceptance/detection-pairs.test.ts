import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createJsonFields, createMatcher, type DetectionEvent, type FieldValue, loadPipelines, loadRules } from '@sealtrail/detection';
import { createCloudTrailMapper } from '@sealtrail/importers';
import { sha256 as createSha256 } from '@sealtrail/merkle/node';
import { describe, expect, it } from 'vitest';
import { CLOUDTRAIL, hasSharedData, root, SHARED_DATA } from './cli.ts';

const RULES = join(SHARED_DATA, 'sigma-aws');
const sha256 = createSha256();
type Record_ = Readonly<Record<string, unknown>>;

const pipelines = (name: string) => {
  const loaded = loadPipelines([{ file: name, text: readFileSync(join(root, 'rules', 'pipelines', name), 'utf8') }]);
  expect(loaded.errors).toEqual([]);
  return loaded.pipelines;
};
const awsRules = () =>
  loadRules(
    readdirSync(RULES)
      .filter((file) => file.endsWith('.yml'))
      .map((file) => ({ file, text: readFileSync(join(RULES, file), 'utf8') })),
    { sha256: sha256.digest },
  );

describe('a pipeline that is shipped', () => {
  it.each(['cloudtrail.yml', 'cloudtrail-audit.yml'])('%s is read whole', (name) => {
    expect(pipelines(name)).toHaveLength(1);
  });
});

describe.runIf(hasSharedData)("SigmaHQ's 57 AWS rules over 2,900 real CloudTrail events", () => {
  const records = hasSharedData
    ? gunzipSync(readFileSync(CLOUDTRAIL))
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record_)
    : [];
  /** What two other engines, in Rust and in Go, agree on. */
  const expected = hasSharedData ? readFileSync(join(RULES, 'expected-pairs.tsv'), 'utf8').trimEnd().split('\n').slice(1) : [];
  const matchedPairs = (events: readonly DetectionEvent[], pipeline: string) => {
    const loaded = awsRules();
    expect(loaded.errors).toEqual([]);
    expect(loaded.rules).toHaveLength(57);
    const matcher = createMatcher(loaded.rules, { pipelines: pipelines(pipeline) });
    return { matcher, pairs: events.flatMap((event) => matcher.matches(event).map(({ rule }) => `${event.id}\t${rule.id}`)).sort() };
  };

  it('match the 109 pairs that other engines find, on the records', () => {
    const json = createJsonFields();
    const events = records.map(
      (record): DetectionEvent => ({
        id: String(record['eventID']),
        tenant: 'acme',
        time_us: Date.parse(String(record['eventTime'])) * 1_000,
        logsource: { category: null, product: 'aws', service: 'cloudtrail' },
        field: (name) => json.field(record, name),
        values: () => json.values(record),
      }),
    );
    const { matcher, pairs } = matchedPairs(events, 'cloudtrail.yml');
    expect(matcher.errors).toEqual([]);
    expect(expected).toHaveLength(109);
    expect(pairs).toEqual(expected.toSorted());
  });

  it('match the same on the events that the import makes of them, but for rules that are refused there', () => {
    const { matcher, pairs } = matchedPairs(records.map(importedEvent), 'cloudtrail-audit.yml');
    expect(matcher.errors.map(({ code, rule }) => `${code} ${rule}`)).toEqual(REFUSED_ON_EVENTS.map((rule) => `pipeline_invalid ${rule}`));
    expect(pairs).toEqual(expected.filter((pair) => !REFUSED_ON_EVENTS.some((rule) => pair.endsWith(rule))).toSorted());
    expect(pairs.length).toBeGreaterThan(100);
  });
});

/** They look into requestParameters or responseElements as a whole, or for `status`, or into a list of objects. */
const REFUSED_ON_EVENTS: readonly string[] = [
  'ccd6a6c8-bb4e-4a91-9d2a-07e632819374',
  'a136ac98-b2bc-4189-a14d-f0d0388e57a7',
  '54b9a76a-3c71-4673-b4b3-2edb4566ea7b',
  'b94bf91e-c2bf-4047-9c43-c6810f43baad',
  'db014773-7375-4f4e-b83b-133337c0ffee',
];

/** An imported event as the detector sees it: columns by their names, attributes behind `attributes.`. */
function importedEvent(record: Record_): DetectionEvent {
  const mapping = createCloudTrailMapper(sha256)(record);
  if (mapping.kind === 'rejected') throw new Error(mapping.reason);
  const { event } = mapping;
  const attributes = event.attributes as ReadonlyMap<string, string>;
  const columns = event as unknown as Readonly<Record<string, FieldValue | undefined>>;
  const [a, b, c, d] = event.source_ip?.slice(12) ?? [];
  const source_ip = event.source_ip === null ? null : [a, b, c, d].join('.');
  return {
    id: String(record['eventID']),
    tenant: 'acme',
    time_us: event.occurred_at,
    logsource: { category: 'audit', product: 'sealtrail', service: null },
    field: (name) => {
      if (name === 'source_ip') return source_ip;
      return name.startsWith('attributes.') ? attributes.get(name.slice('attributes.'.length)) : columns[name];
    },
    values: () => attributes.values(),
  };
}
