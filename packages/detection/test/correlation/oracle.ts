import { alertId } from '../../src/correlation/alert-id.ts';
import type { CorrelationRule } from '../../src/correlation/model.ts';
import type { FieldValue } from '../../src/model.ts';
import { type Loaded, type Sample, sha256 } from './fixtures.ts';

/** What the oracle says of one alert. `events` are those of the window. */
export interface Expected {
  readonly id: string;
  readonly rule: string;
  readonly tenant: string;
  readonly anchor: string;
  readonly value: number | null;
  readonly events: readonly string[];
}

/** One event as it counts for one key of a correlation: which members it is, and its values. */
interface OracleHit {
  readonly sample: Sample;
  readonly members: Set<number>;
  readonly values: Set<string>;
  readonly number: number;
}

const before = (a: Sample, b: Sample): number => a.time_us - b.time_us || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Keeps everything and looks at every window anew. Fields are plain texts and numbers; aliases are not known here. */
export function expectedAlerts(loaded: Loaded, samples: readonly Sample[]): readonly Expected[] {
  const unique = [...new Map(samples.map((each) => [`${each.tenant} ${each.id}`, each])).values()].sort(before);
  const alerts: Expected[] = [];
  for (const { id } of loaded.rules)
    if (!loaded.silent_rules.has(id))
      for (const each of unique) if (each.rules.includes(id)) alerts.push(expected(id, each, [], null, [each.id]));
  const truths: { at: Sample[]; risen: Sample[] }[] = [];
  for (const { rule, members, silent } of loaded.linked) {
    const inputs = members.map((member) => {
      if (member.kind === 'rule') return unique.filter(({ rules }) => rules.includes(member.head.id));
      const { at, risen } = truths[member.index] as { at: Sample[]; risen: Sample[] };
      return ['temporal', 'temporal_ordered', 'value_count'].includes(rule.type) ? at : risen;
    });
    const truth = { at: [] as Sample[], risen: [] as Sample[] };
    for (const [key, hits] of grouped(rule, inputs, unique)) {
      const window = (i: number): OracleHit[] =>
        hits.filter((hit, j) => j <= i && hit.sample.time_us >= (hits[i] as OracleHit).sample.time_us - rule.timespan_us);
      const states = hits.map((_, i) => evaluate(rule, window(i)));
      for (const [i, hit] of hits.entries()) {
        if (states[i]?.holds !== true) continue;
        truth.at.push(hit.sample);
        // A share is about one value, so there the hit before is the last one of that value.
        const share = rule.type === 'value_percentile' && rule.percentile === null;
        const j = hits.findLastIndex((other, at) => at < i && (!share || [...other.values][0] === [...hit.values][0]));
        const previous = hits[j];
        const held = previous !== undefined && previous.sample.time_us >= hit.sample.time_us - rule.timespan_us && states[j]?.holds;
        if (held) continue;
        truth.risen.push(hit.sample);
        const group = rule.group_by.map((name, at) => [name, (JSON.parse(key) as string[])[at + 1] ?? ''] as const);
        const events = window(i).map(({ sample }) => sample.id);
        if (!silent) alerts.push(expected(rule.head.id, hit.sample, group, states[i]?.value ?? null, events));
      }
    }
    truth.at.sort(before);
    truth.risen.sort(before);
    truths.push(truth);
  }
  return alerts;
}

function expected(
  rule: string,
  { tenant, id }: Sample,
  group: readonly (readonly [string, string])[],
  value: number | null,
  events: readonly string[],
): Expected {
  return { id: alertId(sha256, { rule, version: '00'.repeat(32), tenant, group, anchor: id }), rule, tenant, anchor: id, value, events };
}

function grouped(rule: CorrelationRule, inputs: readonly Sample[][], unique: readonly Sample[]): ReadonlyMap<string, OracleHit[]> {
  const groups = new Map<string, OracleHit[]>();
  for (const sample of unique) {
    const members = new Set(inputs.flatMap((input, member) => (input.includes(sample) ? [member] : [])));
    if (members.size === 0) continue;
    const group = rule.group_by.map((field) => sample.fields[field]);
    if (group.some((value) => value === undefined || value === null)) continue;
    const values = rule.fields.map((field) => sample.fields[field]);
    const numeric = ['value_sum', 'value_avg', 'value_median'].includes(rule.type) || rule.percentile !== null;
    if (values.some((value) => value === undefined || value === null)) continue;
    if (numeric && typeof values[0] !== 'number') continue;
    const key = JSON.stringify([sample.tenant, ...group.map(String)]);
    const hit = { sample, members, values: new Set([JSON.stringify(values.map(String))]), number: Number(values[0] as FieldValue) };
    groups.set(key, [...(groups.get(key) ?? []), hit]);
  }
  return groups;
}

function evaluate(rule: CorrelationRule, window: readonly OracleHit[]): { holds: boolean; value: number | null } {
  const compared = (value: number, shown: number | null = value): { holds: boolean; value: number | null } => ({
    holds: rule.comparisons.every(({ operator, threshold }) => {
      const order = Math.sign(value - threshold);
      return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0, eq: order === 0, neq: order !== 0 }[operator];
    }),
    value: shown,
  });
  const numbers = window.map(({ number }) => number).sort((a, b) => a - b);
  const sum = numbers.reduce((total, number) => total + number, 0);
  const present = new Set(window.flatMap(({ members }) => [...members]));
  switch (rule.type) {
    case 'event_count':
      return compared(window.length);
    case 'value_count':
      return compared(new Set(window.flatMap(({ values }) => [...values])).size);
    case 'temporal':
      return rule.expression === null ? compared(present.size, null) : { holds: said(rule.expression, present), value: null };
    case 'temporal_ordered': {
      // Every way to walk through the window, one event a member.
      const reaches = (member: number, from: number): boolean =>
        member === rule.rules.length || window.some(({ members }, at) => at >= from && members.has(member) && reaches(member + 1, at + 1));
      return { holds: reaches(0, 0), value: null };
    }
    case 'value_sum':
      return compared(sum);
    case 'value_avg':
      return compared(sum / numbers.length);
    case 'value_median':
      return compared(((numbers[Math.floor((numbers.length - 1) / 2)] ?? 0) + (numbers[Math.ceil((numbers.length - 1) / 2)] ?? 0)) / 2);
    case 'value_percentile': {
      if (rule.percentile !== null) {
        const { percentile } = rule;
        const covered = (number: number): boolean => numbers.filter((other) => other <= number).length * 100 >= percentile * numbers.length;
        return compared(numbers.find(covered) ?? Number.NaN);
      }
      const own = [...(window.at(-1)?.values ?? [])][0];
      return compared((100 * window.filter(({ values }) => [...values][0] === own).length) / window.length);
    }
  }
}

function said(expression: NonNullable<CorrelationRule['expression']>, present: ReadonlySet<number>): boolean {
  if (expression.kind === 'member') return present.has(expression.member);
  if (expression.kind === 'not') return !said(expression.of, present);
  const parts = expression.of.map((part) => said(part, present));
  return expression.kind === 'and' ? !parts.includes(false) : parts.includes(true);
}
