import { readFileSync } from 'node:fs';
import { DetectionError, MODIFIER_NAMES } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { type Case, load, matcherOf, ruleText } from './case.ts';
import { FORM_CASES } from './form-cases.ts';
import { withConformance } from './page.ts';
import { TEXT_CASES } from './text-cases.ts';
import { TYPED_CASES } from './typed-cases.ts';

const CASES: readonly Case[] = [...TEXT_CASES, ...TYPED_CASES, ...FORM_CASES];
const accepted = CASES.filter(({ refused }) => refused === undefined).map((one) => [`${one.feature}: ${one.says}`, one] as const);
const refused = CASES.filter((one) => one.refused !== undefined).map((one) => [`${one.feature}: ${one.says}`, one] as const);

describe('Sigma 2.1', () => {
  it.each(accepted)('%s', (_, { detection, hits = [], misses = [], placeholders }) => {
    const matches = matcherOf(ruleText(detection), placeholders);
    expect(hits.filter((record) => !matches(record))).toEqual([]);
    expect(misses.filter((record) => matches(record))).toEqual([]);
    expect(hits.length, 'a case shows a hit').toBeGreaterThan(0);
    expect(misses.length, 'a case shows a miss').toBeGreaterThan(0);
  });

  it.each(refused)('%s', (_, { detection, refused: code }) => {
    const { rules, errors } = load(ruleText(detection));
    expect(rules).toEqual([]);
    expect(errors.map((error) => error.code)).toEqual([code]);
    const [error] = errors as [DetectionError];
    expect(error).toBeInstanceOf(DetectionError);
    expect(error.message).not.toMatch(/\n/);
    expect(error.place.file).toBe('rule.yml');
    // The head takes the first six lines; what cannot be read as YAML has no id.
    expect(error.place.line).toBeGreaterThanOrEqual(code === 'yaml_malformed' ? 1 : 6);
    expect(error.rule).toBe(code === 'yaml_malformed' ? null : 'rule-1');
  });

  it('is shown in docs/detection/sigma.md as it is tested (npm run generate)', () => {
    const page = readFileSync(new URL('../../../../docs/detection/sigma.md', import.meta.url), 'utf8');
    expect(withConformance(page)).toBe(page);
  });

  it('has a case for every modifier', () => {
    const shown = new Set(accepted.map(([, { feature }]) => feature));
    expect(MODIFIER_NAMES.filter((name) => !shown.has(name))).toEqual([]);
    expect(MODIFIER_NAMES).toHaveLength(31);
  });
});
