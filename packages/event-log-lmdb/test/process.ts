/** What the tests run in processes of their own: `process.ts <work> <dir> <name>`. */
import { randomBytes } from 'node:crypto';
import { type LmdbEventLog, openLmdbEventLog } from '../src/index.ts';

export type Told =
  | { readonly kind: 'ready' }
  /** Append number `number` was acknowledged. */
  | { readonly kind: 'appended'; readonly number: number; readonly offsets: readonly number[] }
  | { readonly kind: 'outcome'; readonly of: string; readonly outcome: string; readonly detail: number | null }
  | { readonly kind: 'done' };

const [work = '', dir = '', name = ''] = process.argv.slice(2);
const topic = 'events';
const tell = (told: Told): void => {
  process.send?.(told);
};
const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes });
switch (work) {
  case 'append':
    await append(log, 150);
    break;
  case 'append_for_ever':
    await append(log, Number.POSITIVE_INFINITY);
    break;
  case 'append_slowly':
    await append(log, Number.POSITIVE_INFINITY, 20);
    break;
  case 'hold':
    await hold(log);
    break;
  case 'fill':
    await fill(log);
    break;
  case 'refill':
    await refill(log);
    break;
  default:
    throw new Error(`no such work: ${work}`);
}
await log.close();
tell({ kind: 'done' });
process.disconnect?.();

/** Appends two records and a position, over and over. */
async function append(log: LmdbEventLog, count: number, pause_ms = 0): Promise<void> {
  const producer = await log.producer();
  for (let number = 0; number < count; number += 1) {
    const records = ['first', 'second'].map((part) => ({ topic, partition: 0, key: null, value: valueOf(name, number, part) }));
    const outcome = await producer.append(records, { source: name, value: String(number) });
    if (outcome.kind !== 'appended') throw outcome.cause;
    tell({ kind: 'appended', number, offsets: outcome.placed.map(({ offset }) => offset) });
    if (pause_ms > 0) await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
}

/** Holds the partition; commits the offset that it is sent, and tells the outcome. */
async function hold(log: LmdbEventLog): Promise<void> {
  const consumer = await log.consumer({ group: 'group', topic });
  const stop = new AbortController();
  await consumer.run(async (assignment) => {
    process.on('message', (offset: number) => {
      void assignment.commit(offset, name).then(async ({ kind }) => {
        tell({ kind: 'outcome', of: 'commit', outcome: kind, detail: offset });
        tell({ kind: 'outcome', of: 'holds', outcome: String(await assignment.holds()), detail: null });
        stop.abort();
      });
    });
    tell({ kind: 'ready' });
    await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  }, stop.signal);
}

/** Appends until the disk takes no more, then makes room. */
async function fill(log: LmdbEventLog): Promise<void> {
  const producer = await log.producer();
  const reader = await log.reader();
  const value = new Uint8Array(131_072).fill(7);
  const appendOne = async (): Promise<string> => (await producer.append([{ topic, partition: 0, key: null, value }])).kind;
  let count = 0;
  let kind = await appendOne();
  while (kind === 'appended') {
    count += 1;
    kind = await appendOne();
  }
  tell({ kind: 'outcome', of: 'append', outcome: kind, detail: count });
  tell({ kind: 'outcome', of: 'append', outcome: await appendOne(), detail: count });
  const { end } = await reader.bounds(topic, 0);
  let whole = 0;
  for (let offset = 0; offset < end; offset += 1) {
    const read = await reader.read(topic, 0, offset, { records_max: 1, bytes_max: 0, wait_ms: 0 });
    if (read.kind === 'records' && read.records[0]?.value?.every((byte) => byte === 7) === true) whole += 1;
  }
  tell({ kind: 'outcome', of: 'read', outcome: `${whole} of ${end}`, detail: count });
  await log.dropBefore(topic, 0, Math.floor(count / 2));
  tell({ kind: 'outcome', of: 'append', outcome: await appendOne(), detail: count });
}

/** Over and over appends until the disk takes no more, and drops three of four records. */
async function refill(log: LmdbEventLog): Promise<void> {
  const producer = await log.producer();
  for (let cycle = 0; cycle < 20; cycle++) {
    let [kind, count] = ['appended', -1];
    for (; kind === 'appended'; count++) {
      const records = Array.from({ length: 1 + ((count + cycle) % 50) }, (_, i) => {
        const value = new Uint8Array(100 + ((count * 37 + i * 911) % 9_000)).fill(7);
        return { topic, partition: 0, key: null, value };
      });
      kind = (await producer.append(records)).kind;
    }
    tell({ kind: 'outcome', of: 'append', outcome: kind, detail: count });
    const small = { topic, partition: 0, key: null, value: new Uint8Array(2_000) };
    while ((await producer.append([small])).kind === 'appended');
    const reader = await log.reader();
    const { start, end } = await reader.bounds(topic, 0);
    await log.dropBefore(topic, 0, start + Math.floor(((end - start) * 3) / 4));
  }
}

/** About 3 KB that tell where they come from, so that a torn record would show. */
export function valueOf(name: string, number: number, part: string): Uint8Array {
  return new TextEncoder().encode(`${name}/${number}/${part} `.repeat(150));
}
