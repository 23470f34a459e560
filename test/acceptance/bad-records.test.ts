import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendKeyRecords, type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import type { EventLog, LogRecord } from '@sealtrail/event-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedAdapters } from '../../apps/sealtrail/src/deployment/adapters.ts';
import { openStack, type Stack } from '../../apps/sealtrail/src/deployment/stack.ts';
import { BAD_RECORD_KINDS } from '../../packages/seal/test/fixtures/bad-records.ts';
import { BAD_KINDS, type Expected, keyRecordsFor, type MixedRecordsOptions, mixedRecords, TENANTS } from '../fixtures/mixed-records.ts';
import { openSealed } from '../fixtures/open-sealed.ts';
import { random } from '../fixtures/random.ts';
import { remove, temporaryFolder } from './cli.ts';

const BAD = 10_000;
const GOOD = 2_000;
const DUPLICATES = 250;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const OVERSIZE_BYTES = 524_288;
const OVERSIZE_BYTES_KEPT = 65_536;
const APPENDED_AT_ONCE = 500;
const SEAL_TIMEOUT_MS = 300_000;

/** Not to be had from this log: it takes no record without a value, and gives every record its own time. */
const IMPOSSIBLE_HERE = ['no_value', 'time_of_its_producer'];

interface Appended {
  readonly offset: number;
  readonly length: number;
  readonly digest: string;
  readonly expected: Expected;
}
interface Rejected {
  readonly offset: number;
  readonly reason: string;
  readonly length: number;
  readonly digest: string;
}

describe(`${BAD} bad records of ${BAD_KINDS.length} kinds among ${GOOD} good ones and ${DUPLICATES} sent twice (SEED=${SEED})`, () => {
  const folder = temporaryFolder('bad-records');
  const said: string[] = [];
  const appended: Appended[] = [];
  let directory: DataDirectory;
  let stack: Stack;

  beforeAll(async () => {
    directory = await openDataDirectory({ dir: join(folder, 'data'), create: { random: randomBytes } });
    stack = await openStack({
      directory,
      adapters: embeddedAdapters({ clock_ms: Date.now, random: randomBytes }),
      clock_ms: Date.now,
      random: randomBytes,
      onEvent: (line) => said.push(line),
    });
    const { audience } = directory.deployment;
    const next = random(SEED);
    await appendAll(stack.log, { audience, now_ms: Date.now(), random: next, bad: BAD, good: GOOD, duplicates: DUPLICATES });
    const end = appended.length;
    await stack.operations.awaitSealed({ partition: 0, offset: end, timeout_ms: SEAL_TIMEOUT_MS }, () => undefined);
  }, SEAL_TIMEOUT_MS);
  afterAll(async () => {
    await stack?.close();
    remove(folder);
  });

  async function appendAll(log: EventLog, options: MixedRecordsOptions): Promise<void> {
    const { topic, registry_topic } = directory.deployment;
    const producer = await log.producer();
    await appendKeyRecords(producer, registry_topic, keyRecordsFor(options));
    const records = mixedRecords(options);
    for (;;) {
      const some = Array.from({ length: APPENDED_AT_ONCE }, () => records.next()).flatMap(({ done, value }) => (done ? [] : [value]));
      if (some.length === 0) break;
      const outcome = await producer.append(some.map(({ key, value }) => ({ topic, partition: 0, key, value })));
      if (outcome.kind !== 'appended') throw outcome.cause;
      outcome.placed.forEach(({ offset }, i) => {
        const { value, expected } = some[i] as (typeof some)[number];
        appended.push({ offset, length: value.length, digest: digestOf(value), expected });
      });
    }
    await producer.close();
  }
  const expectedOf = <K extends Expected['kind']>(kind: K): readonly (Appended & { readonly expected: Expected & { kind: K } })[] =>
    appended.filter((one): one is Appended & { readonly expected: Expected & { kind: K } } => one.expected.kind === kind);
  const select = async <Row>(sql: string): Promise<readonly Row[]> =>
    (await stack.operations.sql({ sql, rows_max: 1_000_000 })).rows as unknown as readonly Row[];

  it('are of every kind that there is, and of every reason', () => {
    expect(appended).toHaveLength(BAD + GOOD + DUPLICATES);
    const rejected = expectedOf('rejected');
    expect(rejected).toHaveLength(BAD);
    const kinds = new Set(rejected.map(({ expected }) => expected.name));
    expect(kinds.size).toBeGreaterThanOrEqual(20);
    expect(BAD_RECORD_KINDS.filter((kind) => !kinds.has(kind)).toSorted()).toEqual(IMPOSSIBLE_HERE.toSorted());
    // All 14 but that of the producer's own time.
    expect(new Set(rejected.map(({ expected }) => expected.reason)).size).toBe(13);
  });

  it('stand in `rejected` once each, with reason, length and digest', async () => {
    const rows = await select<Rejected>(
      `SELECT r.offset AS offset, reason, length, lower(hex(digest)) AS digest FROM rejected AS r
       INNER JOIN intervals AS i ON r.claim = i.claim WHERE r.offset >= i.from AND r.offset < i.to ORDER BY offset`,
    );
    expect(rows.map(shown)).toEqual(expectedOf('rejected').map(({ expected, ...one }) => shown({ ...one, reason: expected.reason })));
  });

  it('are told on their topic once each', async () => {
    const messages = (await recordsOf(stack.log, directory.deployment.rejected_topic)).map(
      ({ value }) => JSON.parse(Buffer.from(value ?? []).toString('utf8')) as Rejected & { readonly id: string },
    );
    const { topic } = directory.deployment;
    expect(messages.map((one) => `${one.id}: ${shown(one)}`).toSorted()).toEqual(
      expectedOf('rejected')
        .map(({ expected, ...one }) => `${topic}/1/0/${one.offset}: ${shown({ ...one, reason: expected.reason })}`)
        .toSorted(),
    );
  });

  it('can be opened again with the deployment’s key, to be looked at and replayed', async () => {
    const jwk = JSON.parse(readFileSync(join(directory.keys_dir, 'sealing.jwk.json'), 'utf8')) as Record<string, unknown>;
    const seen = new Set<string>();
    // One of each kind.
    const some = expectedOf('rejected').filter(({ expected }) => seen.size < seen.add(expected.name).size);
    const rows = await select<{ readonly offset: number; readonly sealed_bytes: string }>(
      `SELECT offset, sealed_bytes FROM rejected WHERE offset IN (${some.map(({ offset }) => offset).join(', ')})`,
    );
    const sealed = new Map(rows.map((row) => [row.offset, row.sealed_bytes]));
    expect(sealed.size).toBe(BAD_KINDS.length);
    for (const { offset, length, digest, expected } of some) {
      const opened = openSealed(sealed.get(offset) ?? '', jwk);
      if (length > OVERSIZE_BYTES) expect(opened.length, expected.name).toBe(OVERSIZE_BYTES_KEPT);
      else expect(digestOf(opened), expected.name).toBe(digest);
    }
  });

  it('keep no good one out: each is sealed in its place and its events can be read', async () => {
    const good = expectedOf('sealed');
    expect(good).toHaveLength(GOOD);
    const manifests = await select<{ readonly offset: number; readonly tenant: string }>(
      `SELECT m.offset AS offset, tenant FROM manifests AS m INNER JOIN intervals AS i ON m.claim = i.claim
       WHERE m.offset >= i.from AND m.offset < i.to ORDER BY offset`,
    );
    expect(manifests.map(({ offset, tenant }) => `${offset} ${tenant}`)).toEqual(
      good.map(({ offset, expected }) => `${offset} ${expected.tenant}`),
    );
    const entries = await select<{ readonly tenant: string; readonly id: string }>(
      "SELECT tenant, lower(replaceAll(toString(event_id), '-', '')) AS id FROM audit_events ORDER BY tenant, entry",
    );
    // Entries of a tenant follow the order of the log.
    const wanted = TENANTS.flatMap((tenant) =>
      good
        .filter(({ expected }) => expected.tenant === tenant)
        .flatMap(({ expected }) => expected.event_ids.map((id) => `${tenant} ${id}`)),
    );
    expect(wanted.length).toBeGreaterThan(GOOD);
    expect(entries.map(({ tenant, id }) => `${tenant} ${id}`)).toEqual(wanted);
  });

  it('leave what was sent twice as duplicates', async () => {
    const rows = await select<{ readonly offset: number; readonly digest: string }>(
      `SELECT d.offset AS offset, lower(hex(digest)) AS digest FROM duplicates AS d
       INNER JOIN intervals AS i ON d.claim = i.claim WHERE d.offset >= i.from AND d.offset < i.to ORDER BY offset`,
    );
    expect(rows.map(({ offset, digest }) => `${offset} ${digest}`)).toEqual(
      expectedOf('duplicate').map(({ offset, digest }) => `${offset} ${digest}`),
    );
  });

  it('stall nothing and leave a store that recomputes', async () => {
    const status = await stack.operations.status({});
    expect(status.partitions).toEqual([{ partition: 0, committed: appended.length, end: appended.length, halted: null }]);
    const fsck = await stack.operations.fsck({ checkpoint: null, verifier_key: null }, () => undefined);
    expect(fsck).toMatchObject({ ok: true, findings: [], batches: GOOD });
    expect(said.filter((line) => /halted|in doubt/.test(line))).toEqual([]);
    // What a record says may be what must not be logged.
    expect(said.filter((line) => /zq-|invoice|nightly/.test(line))).toEqual([]);
  });
});

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const shown = ({ offset, reason, length, digest }: Rejected): string => `${offset} ${reason} ${length} ${digest}`;

async function recordsOf(log: EventLog, topic: string): Promise<readonly LogRecord[]> {
  const reader = await log.reader();
  const { start, end } = await reader.bounds(topic, 0);
  const records: LogRecord[] = [];
  for (let from = start; from < end; ) {
    const read = await reader.read(topic, 0, from, { records_max: 1_000, bytes_max: 1 << 24, wait_ms: 0 });
    if (read.kind !== 'records') throw new Error(`${topic} at ${from}: ${read.kind}`);
    records.push(...read.records);
    from += read.records.length;
  }
  await reader.close();
  return records;
}
