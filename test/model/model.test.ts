import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EXHAUSTIVE, EXHAUSTIVE_SOAK, type ExhaustiveCase, REMOVALS } from './cases.ts';
import { CELLS_OF_REMOVALS, CELLS_OF_RUNS, tableOf } from './documentation.ts';
import { explore } from './explore.ts';
import { type Mutation, protocol, type Rules, type VisibilityRule } from './rules.ts';

const STATES_MAX = 5_000_000;
/** What a run on every commit has to explore at least, all cases together. */
const STATES_EXPLORED_MIN = 150_000;
const SOAK_TIMEOUT_MS = 600_000;

const VISIBILITY_RULES: readonly string[] = ['replaces_one_claim', 'last_row_wins', 'no_cut'] satisfies VisibilityRule[];

function without({ name, bounds }: (typeof REMOVALS)[number]): Rules {
  return VISIBILITY_RULES.includes(name)
    ? protocol(bounds, { visibility: name as VisibilityRule })
    : protocol(bounds, { removed: [name as Mutation] });
}

function holds({ bounds, states }: ExhaustiveCase): void {
  const verdict = explore(protocol(bounds), { states_max: STATES_MAX });
  expect(verdict.kind === 'violation' ? [verdict.violation, ...verdict.trace] : []).toEqual([]);
  expect(verdict).toMatchObject({ kind: 'ok', left_out: 0, states });
  expect(verdict.all_published).toBeGreaterThan(0);
}

describe('the protocol, every interleaving', () => {
  test.each(EXHAUSTIVE)('holds: $name', (given) => holds(given));

  test('explores enough of it', () => {
    expect(Math.max(...EXHAUSTIVE.map(({ states }) => states))).toBeGreaterThan(STATES_EXPLORED_MIN);
  });

  test('is not exhaustive when the bound on states is reached', () => {
    expect(explore(protocol({}), { states_max: 1_000 }).kind).toBe('bound');
  });
});

if (process.env['SOAK'] === '1') {
  describe('the protocol, larger bounds', () => {
    test.each(EXHAUSTIVE_SOAK)('holds: $name', (given) => holds(given), SOAK_TIMEOUT_MS);
  });
}

describe('the protocol without one of its rules', () => {
  test.each(REMOVALS)('$name', (removal) => {
    const verdict = explore(without(removal), { states_max: STATES_MAX });
    if (typeof removal.found !== 'string') {
      expect(verdict).toMatchObject({ kind: 'ok', left_out: 0 });
      return;
    }
    if (verdict.kind !== 'violation') expect.fail(`nothing is violated in ${verdict.states} states`);
    expect(verdict.violation.slice(0, 2)).toBe(removal.found);
    expect(verdict.trace.length).toBeGreaterThan(0);
  });

  test('every rule is removed once', () => {
    expect(new Set(REMOVALS.map(({ name }) => name)).size).toBe(REMOVALS.length);
  });
});

test('docs/spec/commit-model.md lists these runs', () => {
  const text = readFileSync(new URL('../../docs/spec/commit-model.md', import.meta.url), 'utf8');
  expect(text).toContain(tableOf(CELLS_OF_RUNS, EXHAUSTIVE));
  expect(text).toContain(tableOf(CELLS_OF_RUNS, EXHAUSTIVE_SOAK));
  expect(text).toContain(tableOf(CELLS_OF_REMOVALS, REMOVALS));
});
