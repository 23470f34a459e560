import { createMatcher } from '@sealtrail/detection';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventOf, load } from '../conformance/case.ts';
import { conditionText, type Detection, detection, event, keyOf } from './arbitrary.ts';
import { oracle } from './oracle.ts';

/** The rule as a document; YAML reads JSON. */
function documentOf({ selections, condition }: Detection, id: string): string {
  const sections = Object.entries(selections).map(([name, items]) => [
    name,
    Object.fromEntries(items.map((item) => [keyOf(item), item.values.length === 1 ? item.values[0] : item.values])),
  ]);
  return JSON.stringify({
    title: id,
    id,
    logsource: { category: 'test' },
    detection: { ...Object.fromEntries(sections), condition: conditionText(condition) },
  });
}

describe('the compiled matcher', () => {
  it('agrees with a direct reading of the specification, rule by rule and over many rules at once', () => {
    fc.assert(
      fc.property(
        fc.array(detection, { minLength: 1, maxLength: 8 }),
        fc.array(event, { minLength: 1, maxLength: 8 }),
        (detections, events) => {
          const loaded = load(detections.map((one, i) => documentOf(one, `r${i}`)).join('\n---\n'));
          expect(loaded.errors).toEqual([]);
          const matcher = createMatcher(loaded.rules);
          expect(matcher.errors).toEqual([]);
          for (const record of events) {
            const expected = detections.flatMap(({ selections, condition }, i) => (oracle(selections, condition, record) ? [`r${i}`] : []));
            expect(matcher.matches(eventOf(record)).map(({ rule }) => rule.id)).toEqual(expected);
          }
        },
      ),
      { numRuns: process.env['SOAK'] === undefined ? 200 : 10_000 },
    );
  }, 600_000);
});
