import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeduplication } from '../src/hygiene/deduplication.ts';
import { createInhibitions } from '../src/hygiene/inhibition.ts';
import { createRateLimit, RATE_LIMIT_DEFAULTS } from '../src/hygiene/rate-limit.ts';
import { createRiskScores, RISK_DEFAULTS } from '../src/hygiene/risk.ts';
import { matchesAll, matchesText } from '../src/matchers.ts';

describe('matchers', () => {
  it('take * for any text, as a regular expression would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const wanted = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*')}$`).test(text);
        expect(matchesText(pattern, text)).toBe(wanted);
      }),
      { numRuns: 5_000 },
    );
  });
  it('hold for one of the values, with not for none of them; a label that is not there is empty', () => {
    const labels = new Map([['rule', 'a']]);
    const holds = (label: string, values: readonly string[], not?: boolean) =>
      matchesAll([{ label, values, ...(not === undefined ? {} : { not }) }], labels);
    expect([holds('rule', ['b', 'a']), holds('rule', ['b']), holds('rule', ['b'], true), holds('rule', ['a'], true)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([holds('group.x', ['']), holds('group.x', ['*']), holds('group.x', ['?'])]).toEqual([true, true, false]);
    expect(matchesAll([], labels)).toBe(true);
  });
});

describe('a rate limit', () => {
  /** Allowed times, by asking at each of the given ones. */
  const allowed = (settings: { burst: number; interval_ms: number }, times: readonly number[]): readonly number[] => {
    const limit = createRateLimit(settings);
    return times.filter((now) => limit.take(now));
  };
  it('lets at most 10 pass within any minute by default', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 300 }), (unsorted) => {
        const passed = allowed(
          RATE_LIMIT_DEFAULTS,
          unsorted.toSorted((a, b) => a - b),
        );
        for (const from of passed) expect(passed.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(10);
      }),
    );
    expect(
      allowed(
        RATE_LIMIT_DEFAULTS,
        Array.from({ length: 60_000 }, (_, ms) => ms),
      ).length,
    ).toBeLessThanOrEqual(10);
  });
  it('is a bucket of tokens that fills at its rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 60 }),
        (burst, interval_ms, waits) => {
          const limit = createRateLimit({ burst, interval_ms });
          // In parts of a token, so that the oracle is exact.
          let tokens = burst * interval_ms;
          let now = 1_000_000;
          for (const wait of waits) {
            now += wait;
            tokens = Math.min(burst * interval_ms, tokens + wait);
            expect(limit.available(now)).toBe(Math.floor(tokens / interval_ms));
            expect(limit.nextAt(now)).toBe(now + Math.max(0, interval_ms - tokens));
            const has = tokens >= interval_ms;
            expect(limit.take(now)).toBe(has);
            if (has) tokens -= interval_ms;
          }
        },
      ),
    );
  });
});

describe('what is remembered has a bound, and what is forgotten is counted', () => {
  it('of ids', () => {
    const ids = createDeduplication({ ids_max: 3 });
    for (const id of ['a', 'b', 'c', 'd']) ids.add(id);
    expect([ids.has('a'), ids.has('b'), ids.has('d'), ids.forgotten, ids.state()]).toEqual([false, true, true, 1, ['b', 'c', 'd']]);
  });
  it('of entities: the one touched longest ago goes', () => {
    const scores = createRiskScores({ ...RISK_DEFAULTS, entities_max: 2 });
    const add = (actor: string, at: number) => {
      const risk = scores.assess('HIGH', new Map([['group.actor_id', actor]]), at);
      scores.add(risk, at);
      return risk.accumulated;
    };
    expect([add('a', 0), add('b', 0), add('a', 0), add('c', 0), add('a', 0), add('b', 0)]).toEqual([60, 60, 120, 60, 180, 60]);
    expect(scores.forgotten).toBe(2);
  });
  it('of sources: those whose time is over go first', () => {
    const rule = {
      name: 'r',
      source: [{ label: 'rule', values: ['a'] }],
      target: [{ label: 'rule', values: ['b'] }],
      equal: ['group.n'],
      for_ms: 10,
    };
    const inhibitions = createInhibitions([rule]);
    for (let i = 0; i < 100; i++) {
      inhibitions.add(
        `id ${i}`,
        new Map([
          ['rule', 'a'],
          ['group.n', `${i}`],
        ]),
        i,
      );
    }
    expect(inhibitions.state().length).toBeLessThanOrEqual(10);
    expect(inhibitions.forgotten).toBe(0);
    const held = (n: number, now: number) =>
      inhibitions.heldBy(
        new Map([
          ['rule', 'b'],
          ['group.n', `${n}`],
        ]),
        now,
      )?.source ?? null;
    expect([held(99, 99), held(99, 108), held(99, 109), held(50, 99)]).toEqual(['id 99', 'id 99', null, null]);
  });
});
