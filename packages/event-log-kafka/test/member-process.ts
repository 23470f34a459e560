/** A member of a group in a process of its own, for a test that stops it: BROKERS TOPIC GROUP. */
import { randomBytes } from 'node:crypto';
import { openKafkaEventLog } from '../src/index.ts';

/** What it tells its parent. */
export type Told =
  | { readonly kind: 'assigned'; readonly number: number }
  | { readonly kind: 'lost'; readonly number: number }
  | { readonly kind: 'outcome'; readonly of: string; readonly outcome: string; readonly cause: string };

/** What its parent asks: to commit under the n-th assignment that it was given. */
export interface Asked {
  readonly number: number;
  readonly offset: number;
}

const [brokers = '', topic = '', group = ''] = process.argv.slice(2);
const tell = (told: Told): void => void process.send?.(told);
const log = await openKafkaEventLog({
  client: { brokers: brokers.split(',') },
  clock_ms: Date.now,
  random: randomBytes,
  timings: { session_timeout_ms: 6_000 },
});
let given = 0;
const consumer = await log.consumer({ group, topic });
await consumer.run(async (assignment) => {
  const number = given;
  given += 1;
  process.on('message', (asked: Asked) => {
    if (asked.number !== number) return;
    void assignment.commit(asked.offset, 'child').then((outcome) => {
      const cause = outcome.kind === 'committed' ? '' : ((outcome.cause as { type?: string }).type ?? outcome.cause.message);
      tell({ kind: 'outcome', of: 'commit', outcome: outcome.kind, cause });
    });
  });
  tell({ kind: 'assigned', number });
  await new Promise<void>((resolve) => {
    if (assignment.lost.aborted) resolve();
    else assignment.lost.addEventListener('abort', () => resolve(), { once: true });
  });
  tell({ kind: 'lost', number });
}, new AbortController().signal);
