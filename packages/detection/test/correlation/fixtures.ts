import { createHash } from 'node:crypto';
import type { Correlator } from '../../src/correlation/correlator.ts';
import { type Linking, linkCorrelations } from '../../src/correlation/link.ts';
import type { CorrelationRule } from '../../src/correlation/model.ts';
import { parseCorrelation } from '../../src/correlation/parse.ts';
import type { DetectionError } from '../../src/errors.ts';
import type { Alert, DetectionEvent, FieldValue, Match, RuleHead } from '../../src/model.ts';
import { parseYaml, type YamlMap, yamlField } from '../../src/sigma/yaml.ts';

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export const head = (id: string, name: string | null = null): RuleHead => ({
  place: { file: 'rules.yml', line: 1 },
  id,
  name,
  title: id,
  description: null,
  level: 'medium',
  tags: [],
  false_positives: [],
  version: '00'.repeat(32),
});

export interface Loaded extends Linking {
  readonly rules: readonly RuleHead[];
  readonly refused: readonly DetectionError[];
}

/** Reads documents: those with a correlation as correlations, all others as rules. Heads are read in the plainest way. */
export function load(text: string): Loaded {
  const file = parseYaml('rules.yml', text);
  if (file.errors.length > 0) throw file.errors[0];
  const rules: RuleHead[] = [];
  const correlations: CorrelationRule[] = [];
  const refused: DetectionError[] = [];
  for (const document of file.documents) {
    const map = document.value as YamlMap;
    const own = head(String(yamlField(map, 'id') ?? yamlField(map, 'name')), (yamlField(map, 'name') as string | undefined) ?? null);
    if (yamlField(map, 'correlation') === undefined) rules.push(own);
    else {
      const { rule, errors } = parseCorrelation(document, own);
      if (rule !== null) correlations.push(rule);
      refused.push(...errors);
    }
  }
  const linking = linkCorrelations(correlations, rules);
  return { ...linking, rules, refused: [...refused, ...linking.errors] };
}

/** An event and the ids of the rules that it matched. */
export interface Sample {
  readonly id: string;
  readonly tenant: string;
  readonly time_us: number;
  readonly rules: readonly string[];
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly received_us?: number;
}

export const sample = (id: string, time_s: number, rules: string | readonly string[], fields: Record<string, FieldValue> = {}): Sample => ({
  id,
  tenant: 'acme',
  time_us: Math.round(time_s * 1_000_000),
  rules: typeof rules === 'string' ? [rules] : rules,
  fields,
});

export function eventOf({ id, tenant, time_us, received_us, fields }: Sample): DetectionEvent {
  return {
    id,
    tenant,
    time_us,
    ...(received_us === undefined ? {} : { received_us }),
    logsource: { category: null, product: null, service: null },
    field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    values: () => Object.values(fields),
  };
}

export const matchesOf = (loaded: Loaded, of: Sample, event: DetectionEvent): readonly Match[] =>
  of.rules.map((id) => {
    const rule = loaded.rules.find((candidate) => candidate.id === id);
    if (rule === undefined) throw new Error(`no rule ${id}`);
    return { rule, event };
  });

/** Feeds samples in their order; gives the alerts in theirs. */
export function run(correlator: Correlator, loaded: Loaded, samples: readonly Sample[]): readonly Alert[] {
  return samples.flatMap((each) => {
    const event = eventOf(each);
    return correlator.evaluate(event, matchesOf(loaded, each, event));
  });
}
/** The same, to the end of event time. */
export const runWhole = (correlator: Correlator, loaded: Loaded, samples: readonly Sample[]): readonly Alert[] => [
  ...run(correlator, loaded, samples),
  ...correlator.advance(Number.MAX_SAFE_INTEGER),
];
