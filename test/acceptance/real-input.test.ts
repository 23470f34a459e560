import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as jq from 'jq-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOUDTRAIL, type Ended, hasSharedData, remove, sealtrail, temporaryFolder } from './cli.ts';

/** The same question to the stored events in SQL, and to each of the file's records in jq. */
const PAIRS: readonly { readonly what: string; readonly sql: string; readonly jq: string }[] = [
  {
    what: 'events by actor',
    sql: 'SELECT actor_id AS value, count() AS n FROM audit_events GROUP BY value',
    jq: '.userIdentity | .arn // .userName // .principalId // .invokedBy // .accountId // ""',
  },
  {
    what: 'events by address',
    sql: "SELECT ifNull(replaceOne(toString(source_ip), '::ffff:', ''), attributes['source_service']) AS value, count() AS n FROM audit_events GROUP BY value",
    jq: '.sourceIPAddress',
  },
  {
    what: 'events by action',
    sql: 'SELECT action AS value, count() AS n FROM audit_events GROUP BY value',
    jq: '(.eventSource | sub("\\\\.amazonaws\\\\.com$"; "")) + ":" + .eventName',
  },
  {
    what: 'events by error code',
    sql: "SELECT ifNull(reason, '') AS value, count() AS n FROM audit_events GROUP BY value",
    jq: '.errorCode // ""',
  },
];

/** The fields that the questions read; records are handed to jq without the others, a few at a time: its WASM build is slow on much. */
const FIELDS = ['userIdentity', 'eventSource', 'eventName', 'sourceIPAddress', 'errorCode'];
const SLICE = 100;

async function countedByJq(records: readonly Record<string, unknown>[], filter: string): Promise<readonly (readonly [string, number])[]> {
  const counts = new Map<string, number>();
  for (let from = 0; from < records.length; from += SLICE) {
    const slice = records.slice(from, from + SLICE).map((record) => Object.fromEntries(FIELDS.map((name) => [name, record[name]])));
    const values = (await jq.json(slice as never, `[.[] | ${filter}]`)) as unknown as readonly string[];
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts];
}

interface Rows {
  readonly rows: readonly { readonly value: string; readonly n: number }[];
}

describe.runIf(hasSharedData)('2,900 real CloudTrail events', () => {
  const folder = temporaryFolder('real-input');
  const data = join(folder, 'data');
  const imports = ['import', '--format', 'cloudtrail', CLOUDTRAIL, '--tenant', 'acme', '--data', data, '--json'];
  const records = hasSharedData
    ? gunzipSync(readFileSync(CLOUDTRAIL))
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  let first: Ended;
  let second: Ended;

  beforeAll(async () => {
    first = await sealtrail(...imports);
    second = await sealtrail(...imports);
  });
  afterAll(() => remove(folder));

  it('are imported once, whatever is run twice', () => {
    expect(first.json(), first.stderr).toMatchObject({ read: 2_900, accepted: 2_900, skipped: 0, rejected: 0, entries: 2_900 });
    expect(first.code).toBe(0);
    expect(second.json(), second.stderr).toMatchObject({ read: 2_900, accepted: 0, skipped: 2_900, rejected: 0, entries: 2_900 });
    expect(second.json()['batches']).toBe(first.json()['batches']);
  });

  it.each(PAIRS)('give the same $what in SQL as in jq', async ({ sql, jq: filter }) => {
    const stored = await sealtrail('sql', sql, '--data', data, '--json');
    expect(stored.code, stored.stderr).toBe(0);
    const fromStore = stored.json<Rows>().rows.map(({ value, n }) => [value, Number(n)] as const);
    const fromFile = await countedByJq(records, filter);
    const sorted = (pairs: readonly (readonly [string, number])[]): readonly string[] => pairs.map(([value, n]) => `${n} ${value}`).sort();
    expect(sorted(fromStore)).toEqual(sorted(fromFile));
    expect(fromFile.reduce((sum, [, n]) => sum + n, 0)).toBe(2_900);
  });

  it('recompute: fsck has no finding', async () => {
    const fsck = await sealtrail('fsck', '--data', data, '--json');
    expect(fsck.json(), fsck.stderr).toMatchObject({ ok: true, entries: 2_900, batches: first.json()['batches'], findings: [] });
    expect(fsck.code).toBe(0);
  });

  it('leave none of the file’s session tokens under the data directory', () => {
    const tokens = new Set<string>();
    const collect = (value: unknown, name: string): void => {
      if (typeof value === 'string' && /^sessionToken$/i.test(name)) tokens.add(value);
      else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) collect(inner, key);
    };
    records.forEach((record) => collect(record, ''));
    expect(tokens.size).toBe(36);
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name));
      for (const token of tokens) expect(bytes.includes(token), file.name).toBe(false);
    }
  });
});
