import { halted, type Partition, pause } from './partition.ts';

export type Answer<T> = { readonly kind: 'agreed'; readonly value: T } | { readonly kind: 'disagrees'; readonly what: string };

/**
 * Asks the store until its answer agrees with what was committed, as long as replication may lag; then the partition halts
 * with `rows_disagree`. `doing` is a label of metrics: it names no tenant. `isLast` says that no attempt follows. Throws PartitionEnd, and what `ask` throws.
 */
export async function untilAgreed<T>(partition: Partition, doing: string, ask: (isLast: boolean) => Promise<Answer<T>>): Promise<T> {
  const { ports, settings, key } = partition;
  for (let attempt = 1; ; attempt++) {
    const answer = await ask(attempt >= settings.recovery_attempts);
    if (answer.kind === 'agreed') return answer.value;
    if (attempt >= settings.recovery_attempts) {
      throw halted(partition, 'rows_disagree', `${answer.what}; run fsck and restore the rows`);
    }
    ports.events.waiting(key, doing, new Error(answer.what));
    await pause(partition);
  }
}
