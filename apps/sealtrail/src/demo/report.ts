import { formatTable } from '@sealtrail/service-runtime';
import { type Console, count } from '../cli/console.ts';
import { resultTable } from '../cli/result-table.ts';
import { type DemoDone, QUESTIONS } from './run-demo.ts';

/** Whether everything came out as it must. */
export function demoHolds({ emitted, totals, clean, proof, altered, found }: DemoDone): boolean {
  const [first] = found.findings;
  return (
    totals.entries === emitted &&
    totals.rejected === 0 &&
    clean.ok &&
    proof.verdict.ok &&
    found.findings.length === 1 &&
    first?.tenant === altered.tenant &&
    first.entry === altered.entry
  );
}

/** The summary for people. */
export function sayDemo(console: Console, done: DemoDone, seconds: number): void {
  const { traffic, emitted, totals, answers, clean, proof, altered, found } = done;
  const say = (line = ''): void => console.say(line);
  say();
  say(`${count(traffic.requests)} requests to a small API, answered ${statusLine(traffic.statuses)}; in them`);
  for (const { name, requests } of traffic.attacks) say(`  ${String(requests).padStart(3)} × ${name}`);
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

const statusLine = (statuses: Readonly<Record<string, number>>): string =>
  Object.entries(statuses)
    .map(([status, n]) => `${status} (${count(n)})`)
    .join(', ');
