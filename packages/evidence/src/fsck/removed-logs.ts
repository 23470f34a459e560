import type { HeadPlace, HeadTrouble, PartitionCheck } from './context.ts';
import type { RemovedBatches } from './removed-batches.ts';

interface RemovedLog extends RemovedBatches {
  /** First round in which its batches are gone. */
  readonly round: number;
  /** First round in which its head is gone too. */
  readonly headless: HeadTrouble | null;
}

/** Logs whose heads a troubled round binds and of whose batches there no row is left, as the event log's records tell. */
export class RemovedLogs {
  readonly #check: PartitionCheck;
  readonly #logs = new Map<string, RemovedLog>();

  constructor(check: PartitionCheck) {
    this.#check = check;
  }

  /** Takes out of `rows` the heads that such logs still have. Gives how many of the `untold` heads are explained. */
  async inRound(trouble: HeadTrouble, rows: HeadPlace[], untold: number): Promise<number> {
    if (untold <= 0) return 0;
    const { removed, seen } = await this.#check.removed.told(trouble);
    const gone = removed.filter(({ log }) => !seen.has(log));
    // More are gone than heads are untold: which of them were sealed is not known.
    if (gone.length > untold) return 0;
    for (const one of gone) {
      const at = rows.findIndex(({ log }) => log === one.log);
      if (at >= 0) rows.splice(at, 1);
      this.#add(one, trouble, at < 0);
    }
    return gone.length;
  }

  #add(one: RemovedBatches, trouble: HeadTrouble, headless: boolean): void {
    const known = this.#logs.get(one.log);
    this.#logs.set(one.log, {
      ...(known ?? { ...one, round: trouble.round }),
      batches: (known?.batches ?? 0) + one.batches,
      entries: (known?.entries ?? 0) + one.entries,
      headless: known?.headless ?? (headless ? trouble : null),
    });
  }

  settle(): void {
    for (const removed of this.#logs.values()) this.#report(removed);
  }

  #report({ tenant, log, round, offset, batches, entries, headless }: RemovedLog): void {
    const { ends, logs, report } = this.#check;
    const end = ends.get(log);
    const bound = logs.of(log)?.head ?? null;
    const what = `${batches} ${batches === 1 ? 'batch' : 'batches'} with ${entries} entries`;
    const told = `by the records of the event log, and no row of them is left${headless === null ? '' : ', nor their heads'}; restore the rows`;
    if (end === undefined && bound === null) {
      report('log_missing', { tenant, log, position: 0, entry: 0, round, offset, detail: `the log has had ${what} ${told}` });
    } else if (end !== undefined && offset > Math.max(end.offset, bound?.offset ?? -1)) {
      const entry = end.entries === null ? {} : { entry: end.entries };
      report('batch_missing', {
        tenant,
        log,
        position: end.size,
        ...entry,
        round,
        offset,
        detail: `after manifest ${end.size - 1} there were ${what} ${told}`,
      });
    } else if (headless !== null) {
      // The batches are found missing by what is left of the log.
      report('head_missing', {
        tenant,
        log,
        round: headless.round,
        offset: headless.to - 1,
        detail: `round ${headless.round}: the head of a log whose batches there are missing has no row either; restore the row`,
      });
    }
  }
}
