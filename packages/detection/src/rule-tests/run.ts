import type { Alert, DetectionEvent, Evaluation, FieldValue, LogSource } from '../model.ts';
import { derivedField } from './derived-fields.ts';
import type { ExpectedAlert, RuleTest, RuleTestFile, TestStep } from './format.ts';

/** What a test needs of an engine: one that has seen nothing yet. */
export interface TestedEngine {
  evaluate(event: DetectionEvent): Evaluation;
  /** Says that nothing before this time will come any more. */
  advance(time_us: number): readonly Alert[];
}

export interface RuleTestResult {
  readonly file: string;
  readonly title: string;
  readonly line: number;
  /** One line each; empty where the test holds. */
  readonly failures: readonly string[];
}

/** Runs every test of a file, each on an engine of its own, and compares the alerts of the rules that the file names. */
export function runRuleTests(tests: RuleTestFile, fresh: () => TestedEngine): readonly RuleTestResult[] {
  return tests.tests.map((test) => ({
    file: tests.file,
    title: test.title,
    line: test.line,
    failures: compare(
      test,
      alertsOf(test, fresh()).filter(({ rule }) => tests.rules.includes(rule.name ?? '')),
      tests.rules,
    ),
  }));
}

function alertsOf(test: RuleTest, engine: TestedEngine): readonly (Alert & { readonly anchor_us: number })[] {
  const events = eventsOf(test);
  const times = new Map(events.map(({ id, time_us }) => [id, time_us]));
  const alerts = events.flatMap((event) => engine.evaluate(event).alerts);
  const end_us = events.reduce((latest, { time_us }) => Math.max(latest, time_us), test.start_us);
  return [...alerts, ...engine.advance(end_us + END_US)].map((alert) => ({
    ...alert,
    anchor_us: times.get(alert.anchor) ?? Number.NaN,
  }));
}

/** Longer than any allowance for late events. */
const END_US = 86_400_000_000;

/** The events of a test, in the order in which they reach the engine. */
export function eventsOf(test: RuleTest): readonly DetectionEvent[] {
  const events = test.steps.flatMap((step, i) => Array.from({ length: step.repeat }, (_, n) => testEvent(test.start_us, step, i, n)));
  if (test.arrive === 'as_written') return events;
  const inTime = events.toSorted((a, b) => a.time_us - b.time_us);
  return test.arrive === 'reversed' ? inTime.reverse() : inTime;
}

function testEvent(start_us: number, step: TestStep, index: number, n: number): DetectionEvent {
  const time_us = start_us + step.at_us + n * step.every_us;
  const fields = new Map<string, FieldValue>(Object.entries(step.fields).map(([name, value]) => [name, numbered(value, n + 1)]));
  fields.set('occurred_at', time_us);
  fields.set('tenant', step.tenant);
  const own = (name: string): FieldValue | undefined => fields.get(name);
  return {
    id: `${String(index).padStart(3, '0')}-${String(n).padStart(4, '0')}`,
    tenant: step.tenant,
    time_us,
    logsource: own('finding') === undefined ? AUDIT : PIPELINE,
    field: (name) => (fields.has(name) ? own(name) : derivedField(name, own)),
    values: () => fields.values(),
  };
}

/** Events of services, and what the pipeline finds about itself. */
export const AUDIT: LogSource = Object.freeze({ product: 'sealtrail', category: 'audit', service: 'api' });
export const PIPELINE: LogSource = Object.freeze({ product: 'sealtrail', category: 'pipeline', service: null });

function numbered(value: FieldValue, n: number): FieldValue {
  if (typeof value === 'string') return value.replaceAll('{n}', String(n));
  return Array.isArray(value) ? value.map((item: FieldValue) => numbered(item, n)) : value;
}

/** Every expected alert once, and no other. */
function compare(test: RuleTest, alerts: readonly (Alert & { readonly anchor_us: number })[], rules: readonly string[]): readonly string[] {
  const failures = test.alerts
    .filter(({ rule }) => !rules.includes(rule))
    .map(({ rule, line }) => `line ${line}: ${rule} is not under rules: add it there`);
  const left = [...alerts];
  for (const expected of test.alerts) {
    const at = left.findIndex((alert) => fits(expected, alert, test.start_us));
    if (at === -1) failures.push(`line ${expected.line}: no alert of ${expected.rule}${shownExpected(expected)}`);
    else left.splice(at, 1);
  }
  for (const alert of left) failures.push(`unexpected alert of ${alert.rule.name}: ${shownAlert(alert, test.start_us)}`);
  return failures;
}

function fits({ rule, group, at_us, tenant }: ExpectedAlert, alert: Alert & { readonly anchor_us: number }, start_us: number): boolean {
  return (
    alert.rule.name === rule &&
    (tenant === null || alert.tenant === tenant) &&
    (at_us === null || alert.anchor_us === start_us + at_us) &&
    (group === null || shownGroup(group) === shownGroup(alert.group))
  );
}

const shownGroup = (group: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(group).toSorted(([a], [b]) => (a < b ? -1 : 1)));
const shownExpected = ({ group, at_us }: ExpectedAlert): string =>
  `${at_us === null ? '' : ` at ${at_us / 1e6}s`}${group === null ? '' : ` for ${shownGroup(group)}`}`;
const shownAlert = (alert: Alert & { readonly anchor_us: number }, start_us: number): string =>
  `at ${(alert.anchor_us - start_us) / 1e6}s for ${shownGroup(alert.group)}, tenant ${alert.tenant}, ${alert.events_count} events`;
