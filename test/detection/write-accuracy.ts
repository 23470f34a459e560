// Measures the shipped rules and writes the tables of docs/detection/accuracy.md: node scripts/run.mjs test/detection/write-accuracy.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { alertingHeads, compileShipped } from './shipped-rules.ts';
import { measure } from './traffic/measure.ts';
import { accuracyTables } from './traffic/report.ts';
import { traffic } from './traffic/traffic.ts';

const BEGIN = '<!-- measured: written by test/detection/write-accuracy.ts -->';
const END = '<!-- end of measured -->';

const options = { seed: 20_260_105, benign_events: Number(process.argv[2] ?? 4_000_000), benign_per_attack: 10_000, size: 1 };
const shipped = compileShipped();
const accuracy = measure(traffic(options), shipped.compiled.engine, alertingHeads(shipped));
const page = new URL('../../docs/detection/accuracy.md', import.meta.url);
const text = readFileSync(page, 'utf8');
const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
if (before === -1 || after < before)
  throw new Error(`docs/detection/accuracy.md has no place for the tables: put "${BEGIN}" and "${END}" into it`);
writeFileSync(page, `${text.slice(0, before + BEGIN.length)}\n${accuracyTables(accuracy, options)}\n${text.slice(after)}`);
process.stdout.write(`${accuracy.false_examples.join('\n')}\nmissed: ${accuracy.missed.join(' ')}\n`);
