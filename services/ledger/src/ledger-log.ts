import type { PartitionKey } from '@sealtrail/ledger-store';
import type { LogFields, Logger } from '@sealtrail/service-runtime';
import type { LedgerEvents } from './ports.ts';

const placeOf = ({ topic, incarnation, partition }: PartitionKey): LogFields => ({ topic, incarnation, partition });

/** A partition that waits tries twice a second: a reason is told when it is new, and then so often. */
const TOLD_AGAIN_MS = 30_000;

/**
 * What the ledger tells, as log lines. Rounds are told at the level debug: there are many. That a partition waits, or that its
 * inserts are in doubt, is told once for each reason, and again every 30 seconds.
 */
export function ledgerLog(logger: Logger, clock_ms: () => number): LedgerEvents {
  const told = new ToldReasons(clock_ms);
  return {
    recovered(key, { offset, rounds_checked, rounds_rebuilt }) {
      told.goesOn(key);
      if (rounds_rebuilt === 0) logger.info('partition taken up', { ...placeOf(key), offset, rounds: rounds_checked });
      else logger.warn('partition taken up; rounds were built again from the log', { ...placeOf(key), offset, rounds: rounds_rebuilt });
    },
    sealed(key, { from, to, batches, entries, duplicates, rejected, duration_ms }) {
      told.goesOn(key);
      const fields = { ...placeOf(key), from, to, batches, entries, duplicates, rejected: rejected.length, duration_ms };
      if (rejected.length === 0) logger.debug('round sealed', fields);
      else logger.warn('round sealed; records were rejected', { ...fields, reason: [...new Set(rejected)].join(' ') });
    },
    checkpointed: (key, { size, to }) => logger.debug('checkpoint signed', { ...placeOf(key), size, to }),
    claimEnded(key, cause) {
      if (told.isNews(key, 'doubt', cause))
        logger.warn('an insert is in doubt; the round is tried again under a new claim', placeOf(key), cause);
    },
    eraStarted: (key, ordinal) => logger.warn('a new era was started', { ...placeOf(key), ordinal }),
    waiting(key, what, cause) {
      if (told.isNews(key, what, cause)) logger.warn('waiting', { ...placeOf(key), step: what }, cause);
    },
    lost(key) {
      told.goesOn(key);
      logger.info('partition given up', placeOf(key));
    },
    halted(key, { code, message }) {
      told.goesOn(key);
      logger.error(`halted: ${message}`, { ...placeOf(key), code });
    },
  };
}

/** When each partition last told each reason why it waits. */
class ToldReasons {
  readonly #clock_ms: () => number;
  readonly #told = new Map<string, Map<string, number>>();

  constructor(clock_ms: () => number) {
    this.#clock_ms = clock_ms;
  }

  isNews(key: PartitionKey, what: string, cause: Error): boolean {
    const reasons = this.#told.get(nameOf(key)) ?? new Map<string, number>();
    this.#told.set(nameOf(key), reasons);
    const reason = `${what}: ${(cause as { readonly code?: unknown }).code ?? cause.message}`;
    const now_ms = this.#clock_ms();
    if (now_ms - (reasons.get(reason) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return false;
    // Messages without a code may differ each time: those of long ago are forgotten.
    for (const [other, told_ms] of reasons) if (now_ms - told_ms >= TOLD_AGAIN_MS) reasons.delete(other);
    reasons.set(reason, now_ms);
    return true;
  }

  /** It does not wait any more: the next time is news. */
  goesOn(key: PartitionKey): void {
    this.#told.delete(nameOf(key));
  }
}

const nameOf = ({ topic, incarnation, partition }: PartitionKey): string => `${incarnation}/${partition}/${topic}`;
