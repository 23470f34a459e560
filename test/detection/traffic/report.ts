import type { Accuracy, RuleScore } from './measure.ts';
import type { TrafficOptions } from './traffic.ts';

export interface Totals {
  readonly recall: number;
  readonly precision: number;
  readonly false_per_100k: number;
  /** Incidents that a rule of level medium or above was meant for and found: what precision counts as true. */
  readonly true_findings: number;
  readonly false_alerts: number;
}

/** Over all rules that alarm. A rule that tells one incident in many alerts counts once for it; each false alert counts. */
export function totalsOf(accuracy: Accuracy): Totals {
  const alarms = accuracy.rules.filter(({ notice }) => !notice);
  const sum = (of: (score: RuleScore) => number): number => alarms.reduce((total, score) => total + of(score), 0);
  const true_findings = sum(({ found_any }) => found_any);
  const false_alerts = sum((score) => score.false_alerts);
  return {
    recall: ratio(
      accuracy.rules.reduce((total, { found }) => total + found, 0),
      accuracy.rules.reduce((total, { incidents }) => total + incidents, 0),
    ),
    precision: ratio(true_findings, true_findings + false_alerts),
    false_per_100k: (false_alerts * 100_000) / accuracy.benign_events,
    true_findings,
    false_alerts,
  };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 1 : part / whole);
const share = (part: number, whole: number): string => (whole === 0 ? '–' : ratio(part, whole).toFixed(2));
const count = (number: number): string => number.toLocaleString('en-US');

/** The two tables and the totals, as they stand in docs/detection/accuracy.md. */
export function accuracyTables(accuracy: Accuracy, { seed, benign_events, benign_per_attack, size }: TrafficOptions): string {
  const totals = totalsOf(accuracy);
  const ordered = accuracy.rules.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const alarms = ordered.filter(({ notice }) => !notice);
  const notices = ordered.filter(({ notice }) => notice);
  return [
    `Seed ${seed}, ${count(benign_events)} benign events asked for, one attack to ${count(benign_per_attack)} of them, size ${size}.`,
    '',
    '| | |',
    '| --- | --- |',
    `| benign events | ${count(accuracy.benign_events)} |`,
    `| attacks and faults | ${count(accuracy.incidents)}, of ${count(accuracy.attack_events)} events |`,
    `| found by the rule that is meant for them (recall) | ${totals.recall.toFixed(3)} |`,
    `| found by any rule | ${share(accuracy.incidents_found, accuracy.incidents)} |`,
    `| precision of alarms | ${totals.precision.toFixed(3)} (${count(totals.true_findings)} true, ${count(totals.false_alerts)} false) |`,
    `| false alarms to 100,000 benign events | ${totals.false_per_100k.toFixed(2)} |`,
    '',
    '| rule | level | attacks | found | recall | false alarms | precision |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...alarms.map(
      ({ name, level, incidents, found, found_any, false_alerts }) =>
        `| \`${name}\` | ${level} | ${incidents} | ${found} | ${share(found, incidents)} | ${false_alerts} | ${share(found_any, found_any + false_alerts)} |`,
    ),
    '',
    'Notices, which tell each change or sight by design:',
    '',
    '| rule | level | attacks | found | recall | other reports to 100,000 benign events |',
    '| --- | --- | --- | --- | --- | --- |',
    ...notices.map(
      ({ name, level, incidents, found, false_alerts }) =>
        `| \`${name}\` | ${level} | ${incidents} | ${found} | ${share(found, incidents)} | ${((false_alerts * 100_000) / accuracy.benign_events).toFixed(2)} |`,
    ),
  ].join('\n');
}

/** How recall falls as attacks are thinned out: one row for each share. */
export function thinnedTable(runs: readonly { readonly share: number; readonly accuracy: Accuracy }[]): string {
  return [
    '| share of its events | attacks | found by the rule that is meant for them | found by any alarm or that notice |',
    '| --- | --- | --- | --- |',
    ...runs.map(({ share: part, accuracy }) => {
      const found = accuracy.rules.reduce((total, score) => total + score.found, 0);
      return `| ${part} | ${accuracy.incidents} | ${share(found, accuracy.incidents)} | ${share(accuracy.incidents_found, accuracy.incidents)} |`;
    }),
  ].join('\n');
}

/** Rules that count: what becomes of them where attacks are thinned out, worst first. */
export function thinnedRules(runs: readonly { readonly share: number; readonly accuracy: Accuracy }[]): string {
  const names = runs[0]?.accuracy.rules.filter(({ incidents }) => incidents > 0).map(({ name }) => name) ?? [];
  const recallOf = (accuracy: Accuracy, name: string): number => {
    const score = accuracy.rules.find((one) => one.name === name);
    return score === undefined ? 1 : ratio(score.found, score.incidents);
  };
  const rows = names
    .map((name) => ({ name, recalls: runs.map(({ accuracy }) => recallOf(accuracy, name)) }))
    .filter(({ recalls }) => recalls.some((recall) => recall < 0.95))
    .sort((a, b) => (a.recalls.at(-1) ?? 0) - (b.recalls.at(-1) ?? 0) || (a.name < b.name ? -1 : 1));
  return [
    `| rule | ${runs.map(({ share: part }) => part).join(' | ')} |`,
    `| --- | ${runs.map(() => '---').join(' | ')} |`,
    ...rows.map(({ name, recalls }) => `| ${name} | ${recalls.map((recall) => recall.toFixed(2)).join(' | ')} |`),
  ].join('\n');
}
