import type { PartitionKey } from '@sealtrail/ledger-store';
import type { Metrics } from '@sealtrail/service-runtime';
import type { LedgerEvents } from './ports.ts';

const ROUND_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the ledger tells, as metrics. docs/operations/ledger.md lists them. No label names a tenant or a person. */
export function ledgerMetrics(metrics: Metrics): LedgerEvents {
  const entries = metrics.counter({ name: 'ledger_entries_total', help: 'Entries sealed.', labels: ['topic', 'partition'] });
  const batches = metrics.counter({ name: 'ledger_batches_total', help: 'Batches sealed.', labels: ['topic', 'partition'] });
  const rounds = metrics.counter({ name: 'ledger_rounds_total', help: 'Rounds committed.', labels: ['topic', 'partition'] });
  const duplicates = metrics.counter({
    name: 'ledger_duplicates_total',
    help: 'Batches that were sealed before and were sent again.',
    labels: ['topic', 'partition'],
  });
  const rejected = metrics.counter({ name: 'ledger_rejected_total', help: 'Records rejected, by reason.', labels: ['reason'] });
  const duration = metrics.histogram({
    name: 'ledger_round_seconds',
    help: 'From a round taken up until its commit row is stored.',
    buckets: ROUND_SECONDS,
  });
  const sealedOffset = metrics.gauge({
    name: 'ledger_sealed_offset',
    help: 'Offset before which the partition is sealed.',
    labels: ['topic', 'partition'],
  });
  const checkpointed = metrics.gauge({
    name: 'ledger_checkpoint_size',
    help: 'Rounds that the newest signed checkpoint covers.',
    labels: ['topic', 'partition'],
  });
  const halted = metrics.counter({ name: 'ledger_halts_total', help: 'Partitions halted, by code.', labels: ['code', 'partition'] });
  const waiting = metrics.counter({
    name: 'ledger_waits_total',
    help: 'Tries that failed because something could not be reached, by what was tried.',
    labels: ['step'],
  });
  const claimsEnded = metrics.counter({
    name: 'ledger_claims_ended_total',
    help: 'Claims ended by an insert in doubt.',
    labels: ['partition'],
  });
  const rebuilt = metrics.counter({
    name: 'ledger_rounds_rebuilt_total',
    help: 'Rounds built again from the log because their rows were missing.',
    labels: ['partition'],
  });
  const lost = metrics.counter({ name: 'ledger_assignments_lost_total', help: 'Assignments that ended.', labels: ['partition'] });
  const place = ({ topic, partition }: PartitionKey): { topic: string; partition: number } => ({ topic, partition });
  return {
    recovered(key, { offset, rounds_rebuilt }) {
      sealedOffset.set(offset, place(key));
      if (rounds_rebuilt > 0) rebuilt.add(rounds_rebuilt, { partition: key.partition });
    },
    sealed(key, facts) {
      const labels = place(key);
      entries.add(facts.entries, labels);
      batches.add(facts.batches, labels);
      rounds.add(1, labels);
      duplicates.add(facts.duplicates, labels);
      for (const reason of facts.rejected) rejected.add(1, { reason });
      duration.observe(facts.duration_ms / 1000);
      sealedOffset.set(facts.to, labels);
    },
    checkpointed: (key, { size }) => checkpointed.set(size, place(key)),
    claimEnded: ({ partition }) => claimsEnded.add(1, { partition }),
    eraStarted: () => undefined,
    waiting: (_key, what) => waiting.add(1, { step: what }),
    lost: ({ partition }) => lost.add(1, { partition }),
    halted: ({ partition }, { code }) => halted.add(1, { code, partition }),
  };
}
