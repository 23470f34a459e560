import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const PREFIX = 'sealtrail_';

/**
 * The labels that a metric may have: each takes few values, and none names a tenant, an actor or a resource. So no metric
 * can hold personal data, and no tenant can blow up the number of series.
 */
export type MetricLabel =
  | 'topic'
  | 'partition'
  | 'delivery'
  | 'outcome'
  | 'reason'
  | 'step'
  | 'code'
  | 'check'
  | 'route'
  | 'status'
  | 'rule'
  | 'level'
  | 'notifier';

const LABELS: ReadonlySet<string> = new Set<MetricLabel>([
  'topic',
  'partition',
  'delivery',
  'outcome',
  'reason',
  'step',
  'code',
  'check',
  'route',
  'status',
  'rule',
  'level',
  'notifier',
]);

/** Values of one label are cut off at this many: what is beyond goes to `other`. */
const LABEL_VALUES_MAX = 256;
const OTHER = 'other';

const UNITS = ['_seconds', '_bytes', '_ratio', '_records', '_entries', '_batches', '_rounds', '_size', '_info', '_offset'] as const;

export interface MetricOptions<L extends MetricLabel> {
  /** Without the prefix; counters end in `_total`, the others in their unit. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface CounterMetric<L extends MetricLabel> {
  add(amount: number, labels?: Readonly<Record<L, string | number>>): void;
}
export interface GaugeMetric<L extends MetricLabel> {
  set(value: number, labels?: Readonly<Record<L, string | number>>): void;
  /** Forgets the value of these labels: it is no longer this process's to tell. */
  remove(labels: Readonly<Record<L, string | number>>): void;
}
export interface HistogramMetric<L extends MetricLabel> {
  observe(value: number, labels?: Readonly<Record<L, string | number>>): void;
}

export interface Metrics {
  counter<L extends MetricLabel = never>(options: MetricOptions<L>): CounterMetric<L>;
  gauge<L extends MetricLabel = never>(options: MetricOptions<L>): GaugeMetric<L>;
  /** `buckets`: upper bounds, ascending, in the metric's unit. */
  histogram<L extends MetricLabel = never>(options: MetricOptions<L> & { readonly buckets: readonly number[] }): HistogramMetric<L>;
  /** All metrics in the Prometheus text format. */
  render(): Promise<{ readonly content_type: string; readonly body: string }>;
}

/** Metrics of one service. `process_metrics` adds those of the Node process: memory, event loop, garbage collection. */
export function createMetrics(options: { readonly process_metrics: boolean }): Metrics {
  const registry = new Registry();
  if (options.process_metrics) collectDefaultMetrics({ register: registry, prefix: PREFIX });

  const define = <L extends MetricLabel>(metric: MetricOptions<L>, endings: readonly string[]) => {
    const labels = metric.labels ?? [];
    if (!/^[a-z][a-z0-9_]*$/.test(metric.name) || !endings.some((ending) => metric.name.endsWith(ending))) {
      throw new Error(`metric ${metric.name}: the name is lower case without the prefix and ends in one of ${endings.join(' ')}`);
    }
    for (const label of labels) if (!LABELS.has(label)) throw new Error(`metric ${metric.name}: ${label} is not one of the known labels`);
    return { name: PREFIX + metric.name, help: metric.help, labelNames: labels.map(String), registers: [registry] };
  };

  return {
    counter(metric) {
      const counter = new Counter(define(metric, ['_total']));
      const bounded = boundedLabels();
      return { add: (amount, labels) => counter.inc(bounded(labels), amount) };
    },
    gauge(metric) {
      const gauge = new Gauge(define(metric, UNITS));
      const bounded = boundedLabels();
      return { set: (value, labels) => gauge.set(bounded(labels), value), remove: (labels) => gauge.remove(bounded(labels)) };
    },
    histogram(metric) {
      const histogram = new Histogram({ ...define(metric, UNITS), buckets: [...metric.buckets] });
      const bounded = boundedLabels();
      return { observe: (value, labels) => histogram.observe(bounded(labels), value) };
    },
    render: async () => ({ content_type: registry.contentType, body: await registry.metrics() }),
  };
}

type LabelValues = Readonly<Record<string, string | number>>;

function boundedLabels(): (labels: LabelValues | undefined) => Record<string, string> {
  const seen = new Map<string, Set<string>>();
  return (labels) => {
    const kept: Record<string, string> = {};
    for (const [name, value] of Object.entries(labels ?? {})) {
      const values = seen.get(name) ?? new Set<string>();
      seen.set(name, values);
      const text = String(value);
      if (!values.has(text) && values.size >= LABEL_VALUES_MAX) kept[name] = OTHER;
      else {
        values.add(text);
        kept[name] = text;
      }
    }
    return kept;
  };
}
