import { createHash } from 'node:crypto';
import type { Assignment, EventLog } from '@sealtrail/event-log';
import type { SourceHold } from '@sealtrail/importers';

/** How long whoever holds a source may take to be found gone. */
const WAIT_MS = 3_000;

/**
 * Holds a source as the one member of a group that has a partition: the embedded log gives it to nobody else while this
 * process lives, and at once when it was killed, so nothing is left to clear away. null when another import has it.
 * `topic` has one partition. Throws EventLogError.
 */
export async function holdSource(log: EventLog, topic: string, source: string): Promise<SourceHold | null> {
  const group = `import/${createHash('sha256').update(source).digest('hex')}`;
  const consumer = await log.consumer({ group, topic });
  const stop = new AbortController();
  const given = deferred<Assignment | null>();
  const ended = consumer.run(async (assignment) => {
    given.resolve(assignment);
    await untilAborted(AbortSignal.any([assignment.lost, stop.signal]));
  }, stop.signal);
  const timer = setTimeout(() => given.resolve(null), WAIT_MS);
  const end = async (): Promise<void> => {
    stop.abort();
    const outcome = await ended;
    if (outcome.kind === 'failed') throw outcome.cause;
  };
  const assignment = await Promise.race([given.promise, ended.then(() => null)]);
  clearTimeout(timer);
  if (assignment === null) {
    await end();
    return null;
  }
  return { holds: () => assignment.holds(), release: end };
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
