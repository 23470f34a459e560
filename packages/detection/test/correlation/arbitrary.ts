import fc from 'fast-check';
import { type Sample, sample } from './fixtures.ts';

const RULES = ['r0', 'r1', 'r2'];
const OPERATORS = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'];

const comparisons = (thresholds: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.constantFrom(...OPERATORS), { minLength: 1, maxLength: 2 })
    .chain((operators) => fc.tuple(...operators.map((operator) => thresholds.map((threshold) => `${operator}: ${threshold}`))))
    .map((parts) => parts.join(', '));

const condition = (type: string, members: readonly string[]): fc.Arbitrary<string> => {
  const counts = fc.nat({ max: 4 });
  switch (type) {
    case 'event_count':
      return comparisons(counts).map((text) => `{ ${text} }`);
    case 'value_count':
      return fc.tuple(comparisons(counts), fc.constantFrom('v', 'w', '[v, w]')).map(([text, field]) => `{ ${text}, field: ${field} }`);
    case 'temporal':
      return fc.oneof(
        fc.constant(''),
        comparisons(fc.nat({ max: members.length })).map((text) => `{ ${text} }`),
        fc
          .array(fc.tuple(fc.constantFrom('and', 'or'), fc.boolean()), { minLength: members.length, maxLength: members.length })
          .map((joins) => members.map((name, i) => `${i === 0 ? '' : ` ${joins[i]?.[0]} `}${joins[i]?.[1] ? 'not ' : ''}${name}`).join('')),
      );
    case 'temporal_ordered':
      return fc.constant('');
    case 'value_percentile':
      return fc
        .tuple(comparisons(fc.constantFrom(0, 10, 25, 33, 50, 100)), fc.option(fc.constantFrom(0, 25, 50, 90, 100), { nil: null }))
        .map(([text, percentile]) => `{ ${text}, field: v${percentile === null ? '' : `, percentile: ${percentile}`} }`);
    default:
      return comparisons(fc.integer({ min: -5, max: 12 })).map((text) => `{ ${text}, field: v }`);
  }
};

const TYPES = ['event_count', 'value_count', 'temporal', 'temporal_ordered', 'value_sum', 'value_avg', 'value_percentile', 'value_median'];

const correlation = (name: string, candidates: readonly string[]): fc.Arbitrary<string> =>
  fc
    .record({
      type: fc.constantFrom(...TYPES),
      members: fc.uniqueArray(fc.constantFrom(...candidates), { minLength: 1, maxLength: 3 }),
      group: fc.constantFrom('[]', '[u]', '[u, ip]'),
      span: fc.integer({ min: 1, max: 6 }),
      generate: fc.boolean(),
    })
    .chain(({ type, members, group, span, generate }) =>
      condition(type, members).map(
        (text) => `
---
name: ${name}
correlation:
  type: ${type}
  rules: [${members.join(', ')}]
  group-by: ${group}
  timespan: ${span}s
  generate: ${generate}
${text === '' ? '' : `  condition: ${text}\n`}`,
      ),
    );

/** Three rules and up to three correlations, each over rules and the correlations before it. Some are refused: they are left out. */
export const documents: fc.Arbitrary<string> = fc
  .tuple(correlation('c0', RULES), correlation('c1', [...RULES, 'c0']), correlation('c2', [...RULES, 'c0', 'c1']))
  .map((texts) => `${RULES.map((id) => `id: ${id}\n---\n`).join('')}${texts.join('')}`);

const rulesAlone = RULES.map((id) => `id: ${id}\n---\n`).join('');
/** One correlation, or one that rests on another alone: no longer span beside them hides that theirs is too short. */
export const short: fc.Arbitrary<string> = fc.oneof(
  correlation('c0', RULES).map((text) => `${rulesAlone}${text}`),
  fc.tuple(correlation('c0', RULES), correlation('c1', ['c0'])).map((texts) => `${rulesAlone}${texts.join('')}`),
);

const contentWithin = (halves: number) =>
  fc.record({
    time: fc.nat({ max: halves }),
    tenant: fc.constantFrom('acme', 'acme', 'globex'),
    rules: fc.uniqueArray(fc.constantFrom(...RULES), { minLength: 1, maxLength: 3 }),
    fields: fc.record(
      {
        u: fc.constantFrom('alice', 'bob', '1', 1),
        ip: fc.constantFrom('::1', '10.0.0.1'),
        v: fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(0.5, 1e15, 'x')),
        w: fc.constantFrom('a', 'b', 'c'),
      },
      { requiredKeys: ['u'] },
    ),
  });

/** Events in halves of a second, so that ties and windows that are just full are common; some come twice. */
export const streams: fc.Arbitrary<readonly Sample[]> = fc
  .tuple(fc.array(contentWithin(60), { maxLength: 40, size: 'max' }), fc.array(fc.nat({ max: 39 }), { maxLength: 5 }))
  .map(([contents, again]) => {
    const samples = contents.map(
      ({ time, tenant, rules, fields }, i): Sample => ({
        ...sample(`e${(i * 7) % 40}`, time / 2, rules, fields as Sample['fields']),
        tenant,
      }),
    );
    return [...samples, ...again.flatMap((at) => samples[at] ?? [])];
  });

/** Many events of one tenant over a minute, most of one group. */
export const denseStreams: fc.Arbitrary<readonly Sample[]> = fc
  .array(contentWithin(120), { minLength: 60, maxLength: 120, size: 'max' })
  .map((contents) =>
    contents.map(({ time, rules, fields }, i) =>
      sample(`e${(i * 7) % 120}`, time / 2, rules, { ...fields, ip: '::1' } as Sample['fields']),
    ),
  );

/** Delays, less than the allowance, that decide in which order events come. */
export const delays = (allowance_us: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.nat({ max: allowance_us - 1 }), { minLength: 50, maxLength: 50 });

export const delayed = (samples: readonly Sample[], by: readonly number[]): readonly Sample[] =>
  samples
    .map((each, i) => ({ each, at: each.time_us + (by[i] ?? 0) }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
