import type { PartitionKey } from '@sealtrail/ledger-store';
import { type LogFields, type Logger, ToldReasons } from '@sealtrail/service-runtime';
import type { LedgerEvents } from './ports.ts';

const placeOf = ({ topic, incarnation, partition }: PartitionKey): LogFields => ({ topic, incarnation, partition });

/**
 * What the ledger tells, as log lines. Rounds are told at the level debug: there are many. That a partition waits, or that its
 * inserts are in doubt, is told once for each reason, and again every 30 seconds.
 */
export function ledgerLog(logger: Logger, clock_ms: () => number): LedgerEvents {
  const told = new ToldReasons(clock_ms);
  return {
    recovered(key, { offset, rounds_checked, rounds_rebuilt }) {
      told.goesOn(nameOf(key));
      if (rounds_rebuilt === 0) logger.info('partition taken up', { ...placeOf(key), offset, rounds: rounds_checked });
      else logger.warn('partition taken up; rounds were built again from the log', { ...placeOf(key), offset, rounds: rounds_rebuilt });
    },
    sealed(key, { from, to, batches, entries, duplicates, rejected, duration_ms }) {
      told.goesOn(nameOf(key));
      const fields = { ...placeOf(key), from, to, batches, entries, duplicates, rejected: rejected.length, duration_ms };
      if (rejected.length === 0) logger.debug('round sealed', fields);
      else logger.warn('round sealed; records were rejected', { ...fields, reason: [...new Set(rejected)].join(' ') });
    },
    checkpointed: (key, { size, to }) => logger.debug('checkpoint signed', { ...placeOf(key), size, to }),
    claimEnded(key, cause) {
      if (told.isNews(nameOf(key), 'doubt', cause))
        logger.warn('an insert is in doubt; the round is tried again under a new claim', placeOf(key), cause);
    },
    eraStarted: (key, ordinal) => logger.warn('a new era was started', { ...placeOf(key), ordinal }),
    waiting(key, what, cause) {
      if (told.isNews(nameOf(key), what, cause)) logger.warn('waiting', { ...placeOf(key), step: what }, cause);
    },
    lost(key) {
      told.goesOn(nameOf(key));
      logger.info('partition given up', placeOf(key));
    },
    halted(key, { code, message }) {
      told.goesOn(nameOf(key));
      logger.error(`halted: ${message}`, { ...placeOf(key), code });
    },
  };
}

const nameOf = ({ topic, incarnation, partition }: PartitionKey): string => `${incarnation}/${partition}/${topic}`;
