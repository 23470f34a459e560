import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped, measuredHeads } from './shipped-rules.ts';
import { ATTACKS } from './traffic/attacks/index.ts';
import { measure } from './traffic/measure.ts';
import { totalsOf } from './traffic/report.ts';
import { traffic } from './traffic/traffic.ts';

// Fewer people and far more attacks than in docs/detection/accuracy.md, so that each rule meets two in a few seconds.
const OPTIONS = { seed: Number(process.env['SEED'] ?? 5), benign_events: 100_000, benign_per_attack: 800, size: 0.3 };

const shipped = compileShipped();
const heads = measuredHeads(shipped);

describe(`traffic of seed ${OPTIONS.seed}`, () => {
  const accuracy = measure(traffic(OPTIONS), shipped.compiled.engine.fresh(), heads);
  const totals = totalsOf(accuracy);

  it('meets each rule with an attack of its own', () => {
    expect(accuracy.rules.filter(({ name, incidents }) => ATTACKS.has(name) && incidents === 0).map(({ name }) => name)).toEqual([]);
  });
  it('is found', () => expect(totals.recall, `missed: ${accuracy.missed.join(' ')}`).toBeGreaterThanOrEqual(0.95));
  it('raises few false alarms', () => {
    expect(totals.precision, accuracy.false_examples.join('\n')).toBeGreaterThanOrEqual(0.95);
    expect(totals.false_alerts, accuracy.false_examples.join('\n')).toBeLessThanOrEqual(2);
  });
  it('is the same for the same seed', () => {
    const ids = (): readonly string[] =>
      [...traffic({ ...OPTIONS, benign_events: 3_000, size: 0.05 })].flatMap(({ events }) =>
        events.map(({ id, tenant, time_us }) => `${tenant} ${id} ${time_us}`),
      );
    expect(ids()).toEqual(ids());
  });
});

describe('what is measured', () => {
  it('is every rule that alerts but that of the canaries', () =>
    expect(
      alertingHeads(shipped)
        .filter((head) => !heads.includes(head))
        .map(({ name }) => name),
    ).toEqual(['canary_seen']));
  it('has an attack for each rule that alerts; rules that share one are named', () => {
    // The rotating kind is drawn within password_spraying's attack.
    expect(heads.map(({ name }) => name ?? '').filter((name) => !ATTACKS.has(name))).toEqual(['password_spraying_rotating']);
    expect([...ATTACKS.keys()].filter((name) => !heads.some((head) => head.name === name))).toEqual([]);
  });
  it('stands in docs/detection/accuracy.md, rule by rule', () => {
    const page = readFileSync(new URL('../../docs/detection/accuracy.md', import.meta.url), 'utf8');
    const rows = new Set([...page.matchAll(/^\| `([a-z0-9_]+)` \| ([a-z]+) \|/gm)].map(([, name, level]) => `${name} ${level}`));
    expect(rows).toEqual(new Set(heads.map(({ name, level }) => `${name} ${level}`)));
  });
});
