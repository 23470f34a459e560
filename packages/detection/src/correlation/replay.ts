import type { Alert } from '../model.ts';
import type { Correlations } from './link.ts';

/**
 * How much history, in µs of event time, decides what a correlator gives from some time on.
 *
 * Whether a correlation alerts at a hit depends on its condition there and at the hit before, which is at most a timespan
 * earlier (an earlier one does not count), and both look back one timespan: so on hits of the last two timespans. A hit that
 * is given by another correlation depends on that one's hits in turn, so spans add up along a chain.
 */
export function replaySpan_us({ linked }: Correlations): number {
  const spans: number[] = [];
  for (const { rule, members } of linked) {
    const inner = members.map((member) => (member.kind === 'correlation' ? (spans[member.index] ?? 0) : 0));
    spans.push(2 * rule.timespan_us + Math.max(0, ...inner));
  }
  return Math.max(0, ...spans);
}

/** What was committed together with the place up to which a partition was consumed. */
export interface Committed {
  /** `stats().watermark_us` of the correlator at that moment. */
  readonly watermark_us: number | null;
  /** Whether an event stands before the committed place. */
  readonly includes: (event: string) => boolean;
}

/**
 * Whether an alert that a replay gives was given before the commit already. Events before the committed place may still have
 * waited for the watermark, so for a correlation both must have passed: the place of all that the alert rests on, and the
 * watermark. It holds for replays that begin no later than at the first event whose time is not before
 * `watermark_us − replaySpan_us`: what such a replay gives besides, on incomplete windows, lies before the watermark too.
 */
export function wasGiven(alert: Alert, { watermark_us, includes }: Committed, { linked }: Correlations): boolean {
  if (!linked.some(({ rule }) => rule.head.id === alert.rule.id)) return includes(alert.anchor);
  return watermark_us !== null && alert.last_us < watermark_us && alert.events.every(includes);
}
