import type { LogBounds, ReadOutcome } from '@sealtrail/event-log';

/** Reads one record. */
export type ReadOne = (offset: number) => Promise<ReadOutcome>;

/**
 * The first offset in [bounds.start, before] whose record the log took at `from_ms` or later; `before` when there is none. The
 * log's times do not fall by more than clocks do: it searches in log₂ of the range. Throws what a read that fails gives.
 */
export async function firstTakenAt(read: ReadOne, bounds: LogBounds, before: number, from_ms: number): Promise<number> {
  let low = bounds.start;
  let high = Math.max(low, Math.min(before, bounds.end));
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const outcome = await read(middle);
    if (outcome.kind === 'unavailable') throw outcome.cause;
    // Records may have been dropped since: what is left begins later.
    if (outcome.kind === 'out_of_range') low = Math.max(low + 1, Math.min(outcome.start, high));
    else if (outcome.kind === 'lost' || outcome.records[0] === undefined) return low;
    else if (outcome.records[0].appended_at_ms >= from_ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
