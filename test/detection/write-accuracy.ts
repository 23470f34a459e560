// Measures the shipped rules and writes the tables of docs/detection/accuracy.md: node scripts/run.mjs test/detection/write-accuracy.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { compileShipped, measuredHeads } from './shipped-rules.ts';
import { measure } from './traffic/measure.ts';
import { accuracyTables, thinnedRules, thinnedTable } from './traffic/report.ts';
import { traffic } from './traffic/traffic.ts';

const SEED = 20_260_105;
const shipped = compileShipped();
const heads = measuredHeads(shipped);

const options = { seed: SEED, benign_events: 4_000_000, benign_per_attack: 10_000, size: 1 };
const accuracy = measure(traffic(options), shipped.compiled.engine.fresh(), heads);

/** Recall needs attacks rather than people, so there are many of those and few of these. */
const thinned = [1, 0.5, 0.25, 0.1].map((share) => ({
  share,
  accuracy: measure(
    traffic({ seed: SEED, benign_events: 300_000, benign_per_attack: 300, size: 0.3, attack_share: share }),
    shipped.compiled.engine.fresh(),
    heads,
  ),
}));

const page = new URL('../../docs/detection/accuracy.md', import.meta.url);
let text = readFileSync(page, 'utf8');
write('measured', accuracyTables(accuracy, options));
write(
  'thinned',
  `${thinnedTable(thinned)}\n\nRules that fall below 0.95 at one of these shares, with their recall at each:\n\n${thinnedRules(thinned)}`,
);
writeFileSync(page, text);
process.stdout.write(`${accuracy.false_examples.join('\n')}\nmissed: ${accuracy.missed.join(' ')}\n`);

/** Puts tables between the marks of that name. */
function write(name: string, tables: string): void {
  const begin = `<!-- ${name}: written by test/detection/write-accuracy.ts -->`;
  const [from, to] = [text.indexOf(begin), text.indexOf(`<!-- end of ${name} -->`)];
  if (from === -1 || to < from) throw new Error(`docs/detection/accuracy.md has no place for "${name}": put ${begin} and its end into it`);
  text = `${text.slice(0, from + begin.length)}\n${tables}\n${text.slice(to)}`;
}
