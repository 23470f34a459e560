/** What is left out where rules are refused and the others are to run, and what keeps all of it from running. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedDetection, loadDetection } from '../src/index.ts';

const id = (n: number): string => `${String(n).padStart(8, '0')}-1111-4111-8111-111111111111`;
const rule = (n: number, name: string, detection = '{ outcome: DENIED }'): string => `
title: ${name}
id: ${id(n)}
name: ${name}
logsource: { product: sealtrail, category: audit }
detection:
  sel: ${detection}
  condition: sel
level: low
`;
const LOOKAROUND = "{ action|re: '(?=a)b' }";
const correlation = (n: number, name: string, rules: string, more = ''): string => `
title: ${name}
id: ${id(n)}
name: ${name}
correlation: { type: temporal, rules: [${rules}], group-by: [actor_id], timespan: 5m${more} }
level: high
`;

describe('rules that are refused', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sealtrail-refused-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const load = (documents: readonly string[], options: { overrides?: string; strict?: true } = {}): LoadedDetection => {
    writeFileSync(join(folder, 'rules.yml'), documents.join('---'));
    const overrides = options.overrides === undefined ? null : join(folder, 'overrides.yml');
    if (overrides !== null) writeFileSync(overrides, options.overrides ?? '');
    return loadDetection({ rules: [folder], pipelines: [], overrides, skip_refused: options.strict === undefined });
  };
  /** What alerts by itself, what is left out, and what stops. */
  const found = ({ matcher, correlations, left_out, errors }: LoadedDetection) => ({
    alerts: [
      ...matcher.rules.filter((head) => !correlations.silent_rules.has(head.id)).map(({ title }) => title),
      ...correlations.linked.filter(({ silent }) => !silent).map(({ rule: { head } }) => head.title),
    ],
    left_out: left_out.map((error) => error.rule),
    errors: errors.map(({ code }) => code),
  });

  it('are errors, and nothing is left out, unless that is asked for', () => {
    const loaded = load([rule(1, 'one'), rule(2, 'two', LOOKAROUND)], { strict: true });
    expect(found(loaded)).toEqual({ alerts: ['one'], left_out: [], errors: ['regex_unsupported'] });
  });

  it.each([
    ['by what they say', rule(2, 'two', LOOKAROUND)],
    ['by their form', rule(2, 'two').replace('condition: sel', 'condition: other')],
  ])('are left out %s, with the place and the reason, and the others run', (_, refused) => {
    const loaded = load([rule(1, 'one'), refused]);
    expect(found(loaded)).toEqual({ alerts: ['one'], left_out: [id(2)], errors: [] });
    expect(loaded.left_out[0]?.message).toMatch(/rules\.yml:\d+: 00000002-/);
  });

  it('take correlations with them, and what by itself would alert at each event', () => {
    const denied = [rule(1, 'denied'), rule(2, 'broken', LOOKAROUND), rule(3, 'other')];
    const loaded = load([...denied, correlation(4, 'both', 'denied, broken')]);
    expect(found(loaded)).toEqual({ alerts: ['other'], left_out: [id(2), id(4), id(1)], errors: [] });
  });

  it('take no rule that alerts by itself too, nor one that another correlation asks for', () => {
    const documents = [rule(1, 'denied'), rule(2, 'broken', LOOKAROUND), rule(3, 'other')];
    const generating = load([...documents, correlation(4, 'both', 'denied, broken', ', generate: true')]);
    expect(found(generating)).toEqual({ alerts: ['denied', 'other'], left_out: [id(2), id(4)], errors: [] });
    const asked = load([...documents, correlation(4, 'both', 'denied, broken'), correlation(5, 'good', 'denied, other')]);
    expect(found(asked)).toEqual({ alerts: ['good'], left_out: [id(2), id(4)], errors: [] });
  });

  it('take correlations of correlations, and what those alone ask for', () => {
    const loaded = load([
      rule(1, 'denied'),
      rule(2, 'broken', LOOKAROUND),
      rule(3, 'other'),
      rule(9, 'whole'),
      correlation(4, 'inner', 'denied, other'),
      correlation(5, 'outer', 'inner, broken'),
      correlation(6, 'outermost', `outer, ${id(3)}`),
    ]);
    expect(found(loaded).alerts).toEqual(['whole']);
    expect([...found(loaded).left_out].sort()).toEqual([1, 2, 3, 4, 5, 6].map(id));
  });

  it('do not excuse what changes the meaning of others', () => {
    const filter = `
title: Known
id: ${id(7)}
logsource: { product: sealtrail, category: audit }
filter: { rules: [one], selection: { actor_id|sounds_like: x }, condition: not selection }
`;
    expect(found(load([rule(1, 'one'), filter])).errors).toEqual(['modifier_unknown']);
    expect(found(load([rule(1, 'one'), correlation(2, 'bad', 'one', ', never: 1')])).errors).toEqual(['correlation_invalid']);
    expect(found(load([rule(1, 'one'), '\na: [\n'])).errors).toEqual(['yaml_malformed']);
    expect(found(load([rule(1, 'one')], { overrides: `${id(8)}: { '*': { disabled: true } }` })).errors).toEqual(['rule_unknown']);
  });

  it('need no override any more', () => {
    const counted = correlation(4, 'both', 'denied, broken');
    const loaded = load([rule(1, 'denied'), rule(2, 'broken', LOOKAROUND), rule(3, 'other'), counted], {
      overrides: `${id(4)}: { acme: { timespan: 1h } }\n${id(2)}: { '*': { disabled: false } }\n`,
    });
    expect(found(loaded)).toMatchObject({ alerts: ['other'], errors: [] });
  });
});
