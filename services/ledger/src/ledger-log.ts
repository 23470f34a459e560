import type { PartitionKey } from '@sealtrail/ledger-store';
import type { LogFields, Logger } from '@sealtrail/service-runtime';
import type { LedgerEvents } from './ports.ts';

const placeOf = ({ topic, incarnation, partition }: PartitionKey): LogFields => ({ topic, incarnation, partition });

/** What the ledger tells, as log lines. Rounds are told at the level debug: there are many. */
export function ledgerLog(logger: Logger): LedgerEvents {
  return {
    recovered: (key, { offset, rounds_checked, rounds_rebuilt }) =>
      rounds_rebuilt === 0
        ? logger.info('partition taken up', { ...placeOf(key), offset, rounds: rounds_checked })
        : logger.warn('partition taken up; rounds were built again from the log', { ...placeOf(key), offset, rounds: rounds_rebuilt }),
    sealed(key, { from, to, batches, entries, duplicates, rejected, duration_ms }) {
      const fields = { ...placeOf(key), from, to, batches, entries, duplicates, rejected: rejected.length, duration_ms };
      if (rejected.length === 0) logger.debug('round sealed', fields);
      else logger.warn('round sealed; records were rejected', { ...fields, reason: [...new Set(rejected)].join(' ') });
    },
    checkpointed: (key, { size, to }) => logger.debug('checkpoint signed', { ...placeOf(key), size, to }),
    claimEnded: (key, cause) => logger.warn('an insert is in doubt; the round is tried again under a new claim', placeOf(key), cause),
    eraStarted: (key, ordinal) => logger.warn('a new era was started', { ...placeOf(key), ordinal }),
    waiting: (key, what, cause) => logger.warn('waiting', { ...placeOf(key), step: what }, cause),
    lost: (key) => logger.info('partition given up', placeOf(key)),
    halted: (key, { code, message }) => logger.error(`halted: ${message}`, { ...placeOf(key), code }),
  };
}
