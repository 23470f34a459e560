import { MetricWindow } from './metric-window.ts';
import type { CorrelationRule } from './model.ts';
import { OrderedWindow } from './ordered-window.ts';
import { isMetric } from './parse-condition.ts';
import { SlotWindow } from './slot-window.ts';
import type { Window } from './window.ts';

/** What makes the windows of a correlation's keys. */
export function windowsOf(rule: CorrelationRule, hits_max: number, truncated: () => void): () => Window {
  const { type, timespan_us, comparisons, expression, percentile, rules } = rule;
  if (type === 'temporal_ordered') return () => new OrderedWindow(timespan_us, rules.length);
  if (isMetric(type)) {
    const plan = { type, timespan_us, comparisons, percentile, hits_max, truncated };
    return () => new MetricWindow(plan);
  }
  const plan = {
    timespan_us,
    comparisons,
    expression,
    distinct: type !== 'event_count',
    // One more than the largest threshold is above all of them, and so is every count beyond it.
    count_max: type === 'temporal' ? rules.length : 1 + Math.max(0, ...comparisons.map(({ threshold }) => threshold)),
    monotone: expression === null && comparisons.every(({ operator }) => operator === 'gte' || operator === 'gt'),
    counts: type !== 'temporal',
  };
  return () => new SlotWindow(plan);
}
