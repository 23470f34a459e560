import { formatTable } from '@sealtrail/service-runtime';
import { type Console, count } from '../cli/console.ts';
import { resultTable } from '../cli/result-table.ts';
import { provenHolds, type RaisedAlert } from './alerts-raised.ts';
import type { ExpectedAlert } from './attacks.ts';
import { type DemoDone, QUESTIONS } from './run-demo.ts';

/** Whether everything came out as it must. */
export function demoHolds(done: DemoDone): boolean {
  const { emitted, totals, clean, proof, alertProven, altered, found } = done;
  const [first] = found.findings;
  const { missing, unexpected } = comparedAlerts(done);
  return (
    missing.length === 0 &&
    unexpected.length === 0 &&
    alertProven !== null &&
    provenHolds(alertProven) &&
    totals.entries === emitted &&
    totals.rejected === 0 &&
    clean.ok &&
    proof.verdict.ok &&
    found.findings.length === 1 &&
    first?.tenant === altered.tenant &&
    first.entry === altered.entry
  );
}

/** Each attack raises what it must, and nothing else does: what is left over on either side. */
function comparedAlerts({ traffic, alerts }: DemoDone): {
  readonly missing: readonly ExpectedAlert[];
  readonly unexpected: readonly RaisedAlert[];
} {
  const unexpected = [...alerts];
  const missing = traffic.attacks
    .flatMap(({ raises }) => raises)
    .filter(({ rule_id, tenant }) => {
      const at = unexpected.findIndex((alert) => alert.rule_id === rule_id && alert.tenant === tenant);
      if (at >= 0) unexpected.splice(at, 1);
      return at < 0;
    });
  return { missing, unexpected };
}

/** The summary for people. */
export function sayDemo(console: Console, done: DemoDone, seconds: number): void {
  const { traffic, emitted, totals, answers, clean, proof, altered, found } = done;
  const say = (line = ''): void => console.say(line);
  say();
  say(`${count(traffic.requests)} requests to a small API`);
  say(`  answered ${statusLine(traffic.statuses)}; in them`);
  for (const { name, requests } of traffic.attacks) say(`  ${String(requests).padStart(3)} × ${name}`);
  say();
  sayAlerts(console, done);
  say();
  QUESTIONS.forEach(({ title, sql }, i) => {
    const answer = answers[i];
    if (answer === undefined) return;
    say(title);
    for (const line of sql.split('\n')) say(`  ${line}`);
    for (const line of resultTable(answer, console.columns - 2).split('\n')) say(`  ${line}`);
    say();
  });
  const rows: string[][] = [
    ['emitted', `${count(emitted)} events, signed by their producer`],
    ['sealed', `${count(totals.entries)} entries in ${count(totals.batches)} batches, ${count(totals.rejected)} records rejected`],
    ['recomputed', clean.ok ? `all of it: no finding in ${count(clean.rounds)} rounds` : `${count(clean.findings.length)} findings`],
    ['proven', `entry 0 of acme, offline, from a file of ${count(proof.bytes)} bytes: ${proof.verdict.ok ? 'holds' : 'does NOT hold'}`],
    ['alert proven', provenLine(done)],
    [
      'altered',
      `entry ${altered.entry} of ${altered.tenant}: ${altered.column} from “${altered.from}” to “${altered.to}”, past every check`,
    ],
    ...found.findings.slice(0, 5).map((f) => ['found', `${f.code} in ${f.tenant ?? '–'}: ${f.detail}`]),
    ...(found.findings.length === 0 ? [['found', 'NOTHING']] : []),
  ];
  say(formatTable({ header: ['', 'what was seen'], rows, width: console.columns }));
  say();
  say(demoHolds(done) ? `Everything held, in ${seconds.toFixed(1)} s.` : 'Something did NOT hold: see above.');
}

function sayAlerts(console: Console, done: DemoDone): void {
  const { alerts } = done;
  const { missing, unexpected } = comparedAlerts(done);
  console.say(alerts.length === 0 ? 'Alerts: NONE' : 'Alerts, by the rules that are shipped');
  if (alerts.length > 0) {
    const table = formatTable({
      header: ['level', 'rule', 'tenant', 'who', 'events', 'entry'],
      rows: alerts.map((alert) => [
        alert.level,
        alert.rule_title,
        alert.tenant,
        whoOf(alert),
        count(alert.events_count),
        alert.entry === null ? '–' : count(alert.entry),
      ]),
      align: ['left', 'left', 'left', 'left', 'right', 'right'],
      width: console.columns - 2,
    });
    for (const line of table.split('\n')) console.say(`  ${line}`);
  }
  for (const { rule, tenant } of missing) console.say(`  MISSING: ${rule} for ${tenant}`);
  for (const { rule_title, tenant } of unexpected) console.say(`  NOT EXPECTED: ${rule_title} for ${tenant}`);
}

/** What the rule groups by; the actor where that is a hash, which says nothing to people. */
function whoOf({ group, actor }: RaisedAlert): string {
  const named = Object.values(group).filter((value) => !/^[0-9a-f]{64}$/.test(value));
  return named.length > 0 ? named.join(', ') : (actor ?? '–');
}

function provenLine({ alertProven }: DemoDone): string {
  if (alertProven === null) return 'NOTHING: no alert was raised';
  const { title, verdicts } = alertProven;
  return `“${title}”: all ${count(verdicts.length)} events that it rests on, offline: ${provenHolds(alertProven) ? 'holds' : 'does NOT hold'}`;
}

const statusLine = (statuses: Readonly<Record<string, number>>): string =>
  Object.entries(statuses)
    .map(([status, n]) => `${status} (${count(n)})`)
    .join(', ');
