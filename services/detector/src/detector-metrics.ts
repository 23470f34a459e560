import type { Dispatcher, Hygiene } from '@sealtrail/alerting';
import type { Metrics } from '@sealtrail/service-runtime';
import type { AlertPipelineEvents } from './alert-pipeline.ts';
import { forgottenOf } from './forgotten-watch.ts';
import type { DetectorEvents, PartitionPlace } from './ports.ts';

/** Severities and levels by one name each, whether a rule says them or an alert does. */
const levelName = (level: string): string => level.toLowerCase();

/**
 * What the detector tells, as metrics; docs/operations/detector.md lists them. No label names a tenant or a person.
 *
 * @param levelOf level of a rule by its id
 */
export function detectorMetrics(metrics: Metrics, levelOf: (rule: string) => string): DetectorEvents {
  const places = ['topic', 'partition'] as const;
  const events = metrics.counter({ name: 'detector_events_total', help: 'Events evaluated; those of a replay too.', labels: places });
  const rejected = metrics.counter({ name: 'detector_rejected_total', help: 'Records that the ledger rejects.', labels: places });
  const duplicates = metrics.counter({ name: 'detector_duplicates_total', help: 'Batches that came again.', labels: places });
  const late = metrics.counter({
    name: 'detector_late_total',
    help: 'Hits of rules that came after the watermark had passed them.',
    labels: places,
  });
  const matches = metrics.counter({
    name: 'detector_matches_total',
    help: 'Matches of single-event rules, by rule; those of a replay too.',
    labels: ['rule', 'level'],
  });
  const forgotten = metrics.counter({
    name: 'detector_forgotten_total',
    help: 'What detection had no room for, by what it was and the rule that it belonged to.',
    labels: ['reason', 'rule'],
  });
  const keys = metrics.gauge({ name: 'detector_keys_size', help: 'Groups of events that correlations follow.', labels: places });
  const hits = metrics.gauge({ name: 'detector_hits_size', help: 'Matches that correlations keep.', labels: places });
  const pending = metrics.gauge({ name: 'detector_pending_size', help: 'Events that wait for the watermark.', labels: places });
  const evaluatedOffset = metrics.gauge({
    name: 'detector_evaluated_offset',
    help: 'Offset before which the partition is evaluated.',
    labels: places,
  });
  const waits = metrics.counter({
    name: 'detector_waits_total',
    help: 'Tries that failed because something could not be reached, by what was tried.',
    labels: ['step'],
  });
  const lost = metrics.counter({ name: 'detector_assignments_lost_total', help: 'Assignments that ended.', labels: ['partition'] });

  /** Counts of a partition's state go on from 0 when it is taken up: what was counted of each. */
  const counted = new Map<string, Map<string, number>>();
  const rises = (place: PartitionPlace, what: string, count: number): number => {
    const known = counted.get(keyOf(place)) ?? new Map<string, number>();
    counted.set(keyOf(place), known);
    const rise = count - (known.get(what) ?? 0);
    known.set(what, count);
    return Math.max(0, rise);
  };
  return {
    started: (place) => void counted.delete(keyOf(place)),
    evaluated(place, facts) {
      const labels = labelsOf(place);
      events.add(facts.events, labels);
      rejected.add(facts.rejected, labels);
      duplicates.add(facts.duplicates, labels);
      for (const [rule, count] of facts.matches_of) matches.add(count, { rule, level: levelName(levelOf(rule)) });
      late.add(rises(place, 'late', facts.state.late), labels);
      for (const { reason, rule, count } of forgottenOf(facts.state)) {
        forgotten.add(rises(place, `${reason}/${rule ?? ''}`, count), { reason, rule: rule ?? '' });
      }
      keys.set(facts.state.keys, labels);
      hits.set(facts.state.hits, labels);
      pending.set(facts.state.pending, labels);
      evaluatedOffset.set(facts.to, labels);
    },
    rested(place, facts) {
      pending.set(facts.pending, labelsOf(place));
      evaluatedOffset.set(facts.to, labelsOf(place));
    },
    waiting: (_place, step) => waits.add(1, { step }),
    lost(place) {
      counted.delete(keyOf(place));
      lost.add(1, { partition: place.partition });
      for (const gauge of [keys, hits, pending, evaluatedOffset]) gauge.remove(labelsOf(place));
    },
  };
}

const keyOf = ({ topic, partition }: PartitionPlace): string => `${topic}/${partition}`;
const labelsOf = ({ topic, partition }: PartitionPlace): { topic: string; partition: number } => ({ topic, partition });

/** What becomes of alerts and of messages about them, as metrics. */
export function alertMetrics(metrics: Metrics): AlertPipelineEvents {
  const alerts = metrics.counter({
    name: 'detector_alerts_total',
    help: 'Alerts raised, by rule, level and what became of them.',
    labels: ['rule', 'level', 'outcome'],
  });
  const deliveries = metrics.counter({
    name: 'detector_deliveries_total',
    help: 'Attempts to deliver messages, by notifier, outcome (delivered, retrying, dead) and why they failed.',
    labels: ['notifier', 'outcome', 'reason'],
  });
  const unkept = metrics.counter({
    name: 'detector_unkept_total',
    help: 'Times that messages or the state of alerts could not be kept; they are tried again.',
    labels: ['step'],
  });
  return {
    raised: (alert, fate) => alerts.add(1, { rule: alert.rule_id, level: levelName(alert.level), outcome: fate.kind }),
    delivery(event) {
      const { notifier, kind } = event;
      if (kind === 'store_failed') unkept.add(1, { step: 'deliveries' });
      else deliveries.add(1, { notifier, outcome: kind, reason: kind === 'delivered' ? '' : event.reason });
    },
    failed: () => unkept.add(1, { step: 'state' }),
  };
}

export interface QueueMetrics {
  /** Sets what of messages and of hygiene can only be asked for. */
  look(of: { readonly dispatcher: Pick<Dispatcher, 'waiting'>; readonly hygiene: Pick<Hygiene, 'forgotten' | 'silences'> }): void;
  /** This instance is no longer the active one. */
  forget(): void;
}

/** Messages that wait, and what hygiene had no room for. */
export function queueMetrics(metrics: Metrics, clock_ms: () => number): QueueMetrics {
  const queue = metrics.gauge({
    name: 'detector_queue_size',
    help: 'Messages of a notifier that wait in memory; further ones wait in the store.',
    labels: ['notifier'],
  });
  const silences = metrics.gauge({ name: 'detector_silences_size', help: 'Silences that hold, or will.' });
  const forgotten = metrics.counter({
    name: 'detector_hygiene_forgotten_total',
    help: 'What hygiene had no room for: ids of alerts, entities with a risk, sources of inhibitions.',
    labels: ['reason'],
  });
  let counted: ReturnType<Hygiene['forgotten']> = { ids: 0, entities: 0, sources: 0 };
  const queues = new Set<string>();
  return {
    look({ dispatcher, hygiene }) {
      for (const [notifier, { messages }] of Object.entries(dispatcher.waiting())) {
        queues.add(notifier);
        queue.set(messages, { notifier });
      }
      silences.set(hygiene.silences().filter(({ until_ms }) => until_ms > clock_ms()).length);
      const now = hygiene.forgotten();
      for (const reason of ['ids', 'entities', 'sources'] as const) forgotten.add(now[reason] - counted[reason], { reason });
      counted = now;
    },
    forget() {
      for (const notifier of queues) queue.remove({ notifier });
      queues.clear();
      counted = { ids: 0, entities: 0, sources: 0 };
    },
  };
}
