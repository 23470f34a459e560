import type { AppendOutcome, EventLog, ReadOutcome, RecordToAppend } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LmdbEventLog } from '../src/index.ts';
import { openTestLog, testDirectory, topic } from './test-log.ts';

const other = 'other';
const partitions = 3;
const all_partitions = [0, 1, 2];
const clock_ms = (): number => 1_700_000_000_123;

/** The same step on both logs; `drop` and `reopen` go their own way on each. */
type Step =
  | {
      readonly kind: 'append';
      readonly appends: readonly { readonly records: readonly RecordToAppend[]; readonly source: string | null }[];
    }
  | { readonly kind: 'read'; readonly from_start: number; readonly records_max: number; readonly bytes_max: number }
  | { readonly kind: 'drop'; readonly partition: number; readonly before: number }
  | { readonly kind: 'reopen' };

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: 5_000, maxLength: 70_000, size: 'max' }),
);
const record: fc.Arbitrary<RecordToAppend> = fc
  .record({
    topic: fc.constantFrom(...Array<string>(9).fill(other), topic, 'missing'),
    partition: fc.option(fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 2, 2, 9), { nil: undefined }),
    key: fc.option(fc.uint8Array({ maxLength: 9 })),
    value: bytes,
  })
  .map(({ partition, ...rest }) => (partition === undefined ? rest : { ...rest, partition }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      appends: fc.array(fc.record({ records: fc.array(record, { maxLength: 4 }), source: fc.option(fc.constantFrom('a', 'b')) }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      from_start: fc.integer({ min: -1, max: 4 }),
      records_max: fc.integer({ min: 1, max: 6 }),
      bytes_max: fc.oneof(fc.nat(60), fc.constant(100_000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('drop' as const),
      partition: fc.nat(partitions - 1),
      before: fc.integer({ min: -1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

const shownAppend = (outcome: AppendOutcome): unknown =>
  outcome.kind === 'appended' ? outcome.placed : outcome.kind === 'refused' ? outcome.code : outcome;
const shownRead = (outcome: ReadOutcome): unknown =>
  outcome.kind === 'records'
    ? outcome.records.map(({ key, value, ...rest }) => ({
        ...rest,
        key: key === null ? null : Buffer.from(key).toString('hex'),
        value: Buffer.from(value ?? []).toString('base64'),
      }))
    : outcome.kind === 'unavailable'
      ? outcome.kind
      : outcome;

async function appendAll(log: EventLog, { appends }: Extract<Step, { kind: 'append' }>, number: number): Promise<unknown> {
  const producer = await log.producer();
  const outcomes = await Promise.all(
    appends.map(({ records, source }, place) =>
      producer.append(records, source === null ? undefined : { source, value: `${number}/${place}` }),
    ),
  );
  return [outcomes.map(shownAppend), await producer.position('a'), await producer.position('b')];
}

async function readAll(log: EventLog, { from_start, ...limits }: Extract<Step, { kind: 'read' }>): Promise<unknown> {
  const reader = await log.reader();
  return Promise.all(
    all_partitions.map(async (partition) => {
      const { start } = await reader.bounds(other, partition);
      return shownRead(await reader.read(other, partition, start + from_start, { ...limits, wait_ms: 0 }));
    }),
  );
}

async function bounds(log: EventLog): Promise<unknown> {
  const reader = await log.reader();
  return Promise.all(all_partitions.map((partition) => reader.bounds(other, partition)));
}

describe('the LMDB log', () => {
  it('does what the memory log does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const dir = await testDirectory();
        const memory: MemoryEventLog = createMemoryEventLog({ clock_ms });
        memory.control.createTopics([
          { topic, partitions: 1, cleanup_policy: 'delete' },
          { topic: other, partitions, cleanup_policy: 'none' },
        ]);
        let lmdb: LmdbEventLog = await openTestLog(dir, { clock_ms });
        await (await lmdb.admin()).createTopics([{ topic: other, partitions, cleanup_policy: 'none' }]);
        for (const [number, one] of steps.entries()) {
          switch (one.kind) {
            case 'append':
              expect(await appendAll(lmdb, one, number)).toEqual(await appendAll(memory, one, number));
              break;
            case 'read':
              expect(await readAll(lmdb, one)).toEqual(await readAll(memory, one));
              break;
            case 'drop':
              await lmdb.dropBefore(other, one.partition, one.before);
              memory.control.truncateHead(other, one.partition, one.before);
              break;
            case 'reopen':
              await lmdb.close();
              lmdb = await openTestLog(dir, { clock_ms });
              break;
          }
          expect(await bounds(lmdb)).toEqual(await bounds(memory));
        }
        await lmdb.close();
      }),
      { numRuns: 25 },
    );
  });
});
