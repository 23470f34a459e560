import type { Alert, Compiled, DetectionEvent, Engine } from '@sealtrail/detection';

/** An alert that the rules would have raised. Times in µs since 1970. */
export interface BacktestAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly rule_title: string;
  readonly level: string;
  readonly tenant: string;
  readonly group: Readonly<Record<string, string>>;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly events_count: number;
  /** Ids of what it rests on, oldest first. */
  readonly events: readonly string[];
}

/** Of one rule on one day (UTC). */
export interface BacktestTally {
  readonly day: string;
  readonly rule_id: string;
  readonly rule_title: string;
  readonly level: string;
  readonly matches: number;
  readonly alerts: number;
}

export interface BacktestResult {
  readonly events: number;
  /** At most MATCHES_MAX, in the order of the events. */
  readonly matches: readonly { readonly source_id: string; readonly rule_id: string }[];
  readonly matches_count: number;
  readonly alerts: readonly BacktestAlert[];
  readonly days: readonly BacktestTally[];
  /** How often a tenant came again after its windows had been let go: alerts that would rest on events of both times are missing. */
  readonly windows_cut: number;
}

export const MATCHES_MAX = 1_000_000;
/** Tenants whose windows are kept at once. Stored events come tenant by tenant, so the windows of the others are done with. */
export const BACKTEST_TENANTS_MAX = 1_000;

/**
 * Runs rules over history: what they would have matched and raised. Events come in the order in which they were taken;
 * each tenant has an engine of its own, as its windows have nothing to do with another's.
 */
export async function backtest(
  rules: Pick<Compiled, 'engine'>,
  events: AsyncIterable<DetectionEvent>,
  onProgress: (events: number) => void = () => undefined,
): Promise<BacktestResult> {
  const engines = new Map<string, Engine>();
  const let_go = new Set<string>();
  let windows_cut = 0;
  const matches: { source_id: string; rule_id: string }[] = [];
  const alerts: BacktestAlert[] = [];
  const days = new Map<string, { day: string; rule_id: string; rule_title: string; level: string; matches: number; alerts: number }>();
  let count = 0;
  let matches_count = 0;
  const tally = (time_us: number, rule: Alert['rule']): { matches: number; alerts: number } => {
    const day = new Date(time_us / 1000).toISOString().slice(0, 10);
    const key = `${day} ${rule.id}`;
    const known = days.get(key) ?? { day, rule_id: rule.id, rule_title: rule.title, level: rule.level, matches: 0, alerts: 0 };
    days.set(key, known);
    return known;
  };
  const take = (raised: readonly Alert[]): void => {
    for (const alert of raised) {
      tally(alert.last_us, alert.rule).alerts++;
      alerts.push(plainAlert(alert));
    }
  };
  const engineOf = (tenant: string): Engine => {
    const known = engines.get(tenant);
    if (known !== undefined) return known;
    const [first] = engines;
    if (first !== undefined && engines.size >= BACKTEST_TENANTS_MAX) {
      const [other, done] = first;
      take(done.advance(Number.MAX_SAFE_INTEGER));
      engines.delete(other);
      let_go.add(other);
    }
    if (let_go.has(tenant)) windows_cut++;
    const engine = rules.engine.fresh();
    engines.set(tenant, engine);
    return engine;
  };
  for await (const event of events) {
    const engine = engineOf(event.tenant);
    const evaluation = engine.evaluate(event);
    for (const { rule } of evaluation.matches) {
      matches_count++;
      tally(event.time_us, rule).matches++;
      if (matches.length < MATCHES_MAX) matches.push({ source_id: event.id, rule_id: rule.id });
    }
    take(evaluation.alerts);
    onProgress(++count);
  }
  for (const engine of engines.values()) take(engine.advance(Number.MAX_SAFE_INTEGER));
  alerts.sort((a, b) => a.last_seen - b.last_seen || (a.id < b.id ? -1 : 1));
  const ordered = [...days.values()].sort((a, b) => (a.day === b.day ? (a.rule_title < b.rule_title ? -1 : 1) : a.day < b.day ? -1 : 1));
  return { events: count, matches, matches_count, alerts, days: ordered, windows_cut };
}

const plainAlert = ({ id, rule, tenant, group, first_us, last_us, events, events_count }: Alert): BacktestAlert => ({
  id,
  rule_id: rule.id,
  rule_title: rule.title,
  level: rule.level,
  tenant,
  group,
  first_seen: first_us,
  last_seen: last_us,
  events_count,
  events,
});
