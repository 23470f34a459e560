import type { StoredRound } from '@sealtrail/ledger-store';
import type { PartitionState } from '@sealtrail/seal';

/** Where a partition stands after a round. */
export const stateAfter = ({ round, hash, operator }: StoredRound): PartitionState => ({
  next_offset: round.to,
  recorded_at: round.recorded_at,
  rounds: round.index + 1,
  previous: hash,
  operator,
});
