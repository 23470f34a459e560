import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { AuditEvent } from '@sealtrail/wire';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ImportOutcome, readFileBytes, readSourceRecords } from '../src/index.ts';
import { importedEvents, memoryLog, runImport, TOPIC, uuidText } from './import-harness.ts';
import { jsonLines } from './records.ts';

/** Real input that stands beside the clone, not in it. */
const folder = process.env['SEALTRAIL_TEST_DATA'] ?? join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data');
const FILE = join(folder, 'cloudtrail.jsonl.gz');
const isThere = existsSync(FILE);
if (!isThere) process.stderr.write(`NOT TESTED: ${FILE} is missing; the importer was not tried on real CloudTrail events\n`);

interface RealRecord {
  readonly eventID: string;
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string;
  readonly userIdentity: Readonly<Record<string, unknown>>;
}

type Counts = Readonly<Record<string, number>>;

function counted<T>(items: readonly T[], valueOf: (item: T) => unknown): Counts {
  const counts: Record<string, number> = {};
  for (const item of items) {
    const value = String(valueOf(item) ?? '');
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

const addressText = (bytes: Uint8Array): string => [...bytes.subarray(12)].join('.');

/** What is asked: of an imported event, of a record in plain JavaScript, and of the file in jq. */
const QUESTIONS: readonly {
  readonly what: string;
  readonly ofEvent: (event: AuditEvent) => unknown;
  readonly ofRecord: (record: RealRecord) => unknown;
  readonly jq: string;
}[] = [
  {
    what: 'actor',
    ofEvent: (event) => event.actor_id,
    ofRecord: ({ userIdentity: id }) => id['arn'] ?? id['userName'] ?? id['principalId'] ?? id['invokedBy'],
    jq: '.userIdentity | .arn // .userName // .principalId // .invokedBy',
  },
  {
    what: 'address',
    ofEvent: (event) => (event.source_ip === null ? event.attributes.get('source_service') : addressText(event.source_ip)),
    ofRecord: (record) => record.sourceIPAddress,
    jq: '.sourceIPAddress',
  },
  {
    what: 'action',
    ofEvent: (event) => event.action,
    ofRecord: (record) => `${record.eventSource.replace('.amazonaws.com', '')}:${record.eventName}`,
    jq: '(.eventSource | sub("\\\\.amazonaws\\\\.com$"; "")) + ":" + .eventName',
  },
  { what: 'error code', ofEvent: (event) => event.reason, ofRecord: (record) => record.errorCode, jq: '.errorCode // ""' },
  {
    what: 'second',
    ofEvent: (event) => new Date(event.occurred_at / 1_000).toISOString().replace('.000Z', 'Z'),
    ofRecord: (record) => record.eventTime,
    jq: '.eventTime',
  },
];

function jqCounts(program: string): Counts | null {
  try {
    const out = execFileSync('jq', ['-s', `[.[] | ${program}] | group_by(.) | map({key: (.[0] // ""), value: length}) | from_entries`], {
      input: gunzipSync(readFileSync(FILE)),
      maxBuffer: 1 << 26,
    });
    return JSON.parse(out.toString()) as Counts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // no jq here: the plain count still stands
    throw error;
  }
}

describe.runIf(isThere)('2,900 real CloudTrail events', () => {
  const log = memoryLog();
  const text = isThere ? gunzipSync(readFileSync(FILE)).toString('utf8') : '';
  const records = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RealRecord);
  const fromFile = () => readSourceRecords(readFileBytes(FILE));
  let outcome: ImportOutcome;
  let events: readonly AuditEvent[];

  beforeAll(async () => {
    outcome = await runImport(log, fromFile, { shown_as: FILE });
    events = importedEvents(log);
  });

  it('are imported, each once and in order', () => {
    expect(outcome).toEqual({
      read: 2_900,
      accepted: 2_900,
      skipped: 0,
      rejected: 0,
      first_error: null,
      last: { partition: 0, offset: 11 },
    });
    expect(events.map((event) => uuidText(event.event_id))).toEqual(records.map((record) => record.eventID));
  });

  it('are skipped by a second run, of the file or of the same as a document', async () => {
    for (const source of [fromFile, JSON.stringify({ Records: records })]) {
      expect(await runImport(log, source)).toMatchObject({ read: 2_900, accepted: 0, skipped: 2_900, rejected: 0, last: null });
    }
    expect(importedEvents(log)).toHaveLength(2_900);
  });

  it.each(QUESTIONS)('give the same counts by $what as the file', ({ ofEvent, ofRecord, jq }) => {
    const imported = counted(events, ofEvent);
    expect(imported).toEqual(counted(records, ofRecord));
    const byJq = jqCounts(jq);
    if (byJq !== null) expect(imported).toEqual(byJq);
  });

  it('hold none of the 36 session tokens, and no access key id', () => {
    const secrets = new Set<string>();
    const collect = (value: unknown, name: string): void => {
      if (typeof value === 'string' && /^(?:sessionToken|accessKeyId)$/.test(name) && value !== '') secrets.add(value);
      else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) collect(inner, key);
    };
    for (const record of records) collect(record, '');
    const tokens = [...secrets].filter((secret) => secret.length > 100);
    expect(tokens).toHaveLength(36);
    expect(secrets.size).toBeGreaterThan(60);
    const produced = Buffer.concat(log.control.records(TOPIC, 0).map(({ value }) => value ?? new Uint8Array(0)));
    expect(produced.includes('arn:aws:iam::123837392027:user/bert-jan')).toBe(true);
    for (const secret of secrets) {
      expect(produced.includes(secret)).toBe(false);
      // Not a part of one either.
      expect(produced.includes(secret.slice(0, Math.min(secret.length, 40)).slice(4))).toBe(false);
    }
  });

  it('survive a crash after every batch', async () => {
    const once = memoryLog();
    for (let run = 0; run < 12; run++) {
      const stop = new AbortController();
      const end = runImport(once, jsonLines(records), { stop: stop.signal, onProgress: () => stop.abort() });
      await end.catch((error: { code?: string }) => expect(error.code).toBe('interrupted'));
    }
    expect(await runImport(once, fromFile)).toMatchObject({ read: 2_900, accepted: 0, skipped: 2_900 });
    expect(importedEvents(once).map((event) => uuidText(event.event_id))).toEqual(records.map((record) => record.eventID));
  });
});
