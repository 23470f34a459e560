import { parseRuleTests, runRuleTests } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped, ruleFiles, ruleTestFiles } from './shipped-rules.ts';

const shipped = compileShipped();
const { compiled } = shipped;

describe.each(ruleTestFiles())('$file', ({ file, text }) => {
  const { tests, errors } = parseRuleTests(`tests/${file}`, text);
  it('can be read', () => expect(errors.map(({ message }) => message)).toEqual([]));
  it.each(tests === null ? [] : runRuleTests(tests, () => compiled.engine.fresh()))('line $line: $title', ({ failures }) => {
    expect(failures).toEqual([]);
  });
});

describe('the shipped rules', () => {
  const alerting = alertingHeads(shipped);

  it('are thirty and more', () => expect(alerting.length).toBeGreaterThanOrEqual(30));

  it('each have tests in a file of the same name, which hit and which do not', () => {
    const tested = new Map(ruleTestFiles().map(({ file, text }) => [file, parseRuleTests(file, text).tests]));
    expect([...tested.keys()]).toEqual(ruleFiles().map(({ file }) => file));
    for (const head of alerting) {
      const tests = tested.get(head.place.file)?.tests ?? [];
      expect(
        tests.some(({ alerts }) => alerts.some(({ rule }) => rule === head.name)),
        `${head.name} never hits`,
      ).toBe(true);
      expect(
        tests.some(({ alerts }) => !alerts.some(({ rule }) => rule === head.name)),
        `${head.name} always hits`,
      ).toBe(true);
    }
  });

  it('say what they are for', () => {
    for (const head of alerting) {
      expect(head.name, head.title).toMatch(/^[a-z][a-z0-9_]+$/);
      expect(head.description?.length ?? 0, `${head.name}: description`).toBeGreaterThan(60);
      expect(head.false_positives.length, `${head.name}: falsepositives`).toBeGreaterThan(0);
      expect(
        head.tags.some((tag) => tag.startsWith('attack.')),
        `${head.name}: ATT&CK tag`,
      ).toBe(true);
    }
  });
});
