import type { DetectionError } from '../errors.ts';
import type { DetectionEvent, LogSource, Match, RuleHead } from '../model.ts';
import type { Pipeline } from '../pipeline/model.ts';
import type { Placeholders } from '../sigma/placeholders.ts';
import type { SigmaRule } from '../sigma/rule.ts';
import { createExpressionCompiler } from './compile-expression.ts';
import { EventFields } from './event-fields.ts';
import { lowerRule } from './lower-rule.ts';
import { createRouter } from './router.ts';
import { type Candidates, indexRules } from './rule-index.ts';

export interface MatcherOptions {
  /** In any order; applied by priority. */
  readonly pipelines?: readonly Pipeline[];
  /** Values of the placeholders that `expand` names. */
  readonly placeholders?: Placeholders;
}

/** Compiled rules. Holds nothing from one event to the next but caches, so that several engines may share it. */
export interface Matcher {
  /** The heads of the rules that were compiled, in the order of the rules. */
  readonly rules: readonly RuleHead[];
  /** Why rules were left out: a placeholder without values, or a pipeline that refuses them. */
  readonly errors: readonly DetectionError[];
  /** The rules that the event matches, in the order of the rules. */
  readonly matches: (event: DetectionEvent) => readonly Match[];
  /** The log source of the events that a rule is asked of, after pipelines; null for a rule that was not compiled. */
  readonly logsourceOf: (rule: RuleHead) => LogSource | null;
  /** The names under which the events of a rule carry a field. */
  readonly fieldsOf: (rule: RuleHead, field: string) => readonly string[];
}

const NO_MATCHES: readonly Match[] = [];

/** Compiles rules, as `loadRules` gives them, to functions behind an index by log source and by what each rule needs. */
export function createMatcher(rules: readonly SigmaRule[], options: MatcherOptions = {}): Matcher {
  const pipelines = [...(options.pipelines ?? [])].sort((a, b) => a.priority - b.priority);
  const placeholders = options.placeholders ?? new Map();
  const outcomes = rules.map((rule) => lowerRule(rule, pipelines, placeholders));
  const lowered = outcomes.flatMap((outcome) => (outcome.kind === 'lowered' ? [outcome] : []));
  const errors = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.error] : []));

  const fields = new EventFields();
  const compiler = createExpressionCompiler(
    lowered.map(({ expression }) => expression),
    fields,
  );
  const predicates = lowered.map(({ expression }) => compiler.compile(expression));
  const heads = lowered.map(({ head }) => head);
  const byId = new Map(lowered.map((rule) => [rule.head.id, rule]));
  const route = createRouter<Candidates>(
    lowered.map(({ logsource }) => logsource),
    (numbers) => indexRules(numbers, (rule) => (lowered[rule] as (typeof lowered)[number]).expression, fields),
  );

  /** The event for which a rule was last evaluated, so that a candidate that is named twice is evaluated once. */
  const evaluated = new Float64Array(lowered.length);
  const found: number[] = [];
  const onCandidate = (rule: number): void => {
    if (evaluated[rule] === fields.epoch) return;
    evaluated[rule] = fields.epoch;
    if ((predicates[rule] as () => boolean)()) found.push(rule);
  };

  return {
    rules: heads,
    errors,
    matches: (event) => {
      const candidates = route(event.logsource);
      if (candidates === null) return NO_MATCHES;
      fields.begin(event);
      if (found.length > 0) found.length = 0;
      candidates(onCandidate);
      if (found.length === 0) return NO_MATCHES;
      if (found.length > 1) inOrder(found);
      const matches: Match[] = [];
      for (const rule of found) matches.push({ rule: heads[rule] as RuleHead, event });
      return matches;
    },
    logsourceOf: ({ id }) => byId.get(id)?.logsource ?? null,
    fieldsOf: ({ id }, field) => byId.get(id)?.fieldsOf(field) ?? [field],
  };
}

/** By insertion: a few numbers, nearly in order, for each event. */
function inOrder(numbers: number[]): void {
  for (let i = 1; i < numbers.length; i++) {
    const number = numbers[i] as number;
    let at = i;
    for (; at > 0 && (numbers[at - 1] as number) > number; at--) numbers[at] = numbers[at - 1] as number;
    numbers[at] = number;
  }
}
