import { createHash } from 'node:crypto';
import {
  createJsonFields,
  createMatcher,
  type DetectionErrorCode,
  type DetectionEvent,
  type LoadedRules,
  loadRules,
} from '@sealtrail/detection';

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export type Record_ = Readonly<Record<string, unknown>>;

/** One statement about the language, and what shows it. The tables of these are also the conformance table of docs/detection/sigma.md. */
export interface Case {
  /** The modifier, or the part of the standard. */
  readonly feature: string;
  /** What holds, in a phrase for the docs. */
  readonly says: string;
  /** The section `detection` in YAML: selections and condition. A text without a condition has the condition `sel`. */
  readonly detection: string;
  readonly hits?: readonly Record_[];
  readonly misses?: readonly Record_[];
  /** The rule is refused when it is loaded, for this reason. */
  readonly refused?: DetectionErrorCode;
  readonly placeholders?: Readonly<Record<string, readonly string[]>>;
}

const fields = createJsonFields();

export const eventOf = (record: unknown, id = 'e'): DetectionEvent => ({
  id,
  tenant: 'acme',
  time_us: 0,
  logsource: { category: 'test', product: null, service: null },
  field: (name) => fields.field(record, name),
  values: () => fields.values(record),
});

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

/** A rule around a detection. */
export const ruleText = (detection: string, id = 'rule-1', more = ''): string =>
  `title: Test\nid: ${id}\nlogsource:\n  category: test\n${more}detection:\n${indented(detection)}${/^condition:/m.test(detection) ? '' : '\n  condition: sel'}\n`;

export const load = (text: string): LoadedRules => loadRules([{ file: 'rule.yml', text }], { sha256 });

/** Whether the one rule of a text matches. Throws the reason when it is refused. */
export function matcherOf(text: string, placeholders: Case['placeholders'] = {}): (record: unknown) => boolean {
  const loaded = load(text);
  if (loaded.errors[0] !== undefined) throw loaded.errors[0];
  const matcher = createMatcher(loaded.rules, { placeholders: new Map(Object.entries(placeholders)) });
  if (matcher.errors[0] !== undefined) throw matcher.errors[0];
  return (record) => matcher.matches(eventOf(record)).length > 0;
}
