import type { LogSource, RulePlace } from '../model.ts';
import { isWithin } from '../sigma/apply-filters.ts';
import { and, type Expression, leavesOf, mapLeaves, not, or } from '../sigma/expression.ts';
import type { TestItem, ValueTest } from '../sigma/value-test.ts';
import type { Conditions, FieldCondition, Pipeline, PipelineItem, RuleCondition } from './model.ts';

/** A rule on its way through pipelines. */
export interface PipelineSubject {
  readonly logsource: LogSource;
  readonly expression: Expression<TestItem>;
  readonly tags: readonly string[];
}

export type PipelineOutcome =
  | {
      readonly kind: 'changed';
      readonly logsource: LogSource;
      readonly expression: Expression<TestItem>;
      /** The names under which the events carry a field that the rule, or a correlation over it, names. */
      readonly fieldsOf: (field: string) => readonly string[];
    }
  /** A pipeline says that the rule does not fit the events. */
  | { readonly kind: 'failed'; readonly place: RulePlace; readonly reason: string };

type Rename = (field: string) => readonly string[];
interface State {
  logsource: LogSource;
  expression: Expression<TestItem>;
  readonly tags: readonly string[];
  readonly applied: Set<string>;
  readonly values: Map<string, string | number | boolean>;
  readonly renames: Rename[];
}

/** Applies pipelines in their order. `testsOf` makes ready what a pipeline adds. */
export function applyPipelines(
  subject: PipelineSubject,
  pipelines: readonly Pipeline[],
  testsOf: (selection: Extract<PipelineItem['transformation'], { type: 'add_condition' }>['selection']) => Expression<TestItem>,
): PipelineOutcome {
  const state: State = { ...subject, applied: new Set(), values: new Map(), renames: [] };
  for (const item of pipelines.flatMap(({ items }) => items)) {
    if (!meets(item.rule, (condition) => ruleMeets(condition, state))) continue;
    const { transformation } = item;
    switch (transformation.type) {
      case 'rule_failure':
        return { kind: 'failed', place: item.place, reason: transformation.message };
      case 'set_state':
        state.values.set(transformation.key, transformation.value);
        break;
      case 'change_logsource':
        state.logsource = transformation.logsource;
        break;
      case 'add_condition': {
        const added = testsOf(transformation.selection);
        state.expression = and([transformation.negated ? not(added) : added, state.expression]);
        break;
      }
      case 'drop_detection_item': {
        const rest = without(state.expression, ({ field }) => field !== null && fieldMeets(item.field, field));
        if (rest === null) return { kind: 'failed', place: item.place, reason: 'drop_detection_item leaves nothing of the rule' };
        state.expression = rest;
        break;
      }
      default: {
        const rename = renameOf(item);
        state.renames.push(rename);
        state.expression = mapLeaves(state.expression, (leaf) => renamed(leaf, rename));
      }
    }
    if (item.id !== null) state.applied.add(item.id);
  }
  const { logsource, expression, renames } = state;
  const fieldsOf: Rename = (field) => renames.reduce<readonly string[]>((fields, rename) => fields.flatMap(rename), [field]);
  return { kind: 'changed', logsource, expression, fieldsOf };
}

function meets<Condition>({ of, link, negated }: Conditions<Condition>, test: (condition: Condition) => boolean): boolean {
  if (of.length === 0) return true;
  return (link === 'and' ? of.every(test) : of.some(test)) !== negated;
}

function ruleMeets(condition: RuleCondition, state: State): boolean {
  switch (condition.type) {
    case 'logsource':
      return isWithin(state.logsource, condition.logsource);
    case 'contains_field':
      return leavesOf(state.expression).some(({ field }) => field === condition.field);
    case 'processing_item_applied':
      return state.applied.has(condition.item);
    case 'processing_state':
      return state.values.get(condition.key) === condition.value;
    case 'tag':
      return state.tags.includes(condition.tag);
    case 'is_sigma_rule':
      return true;
    case 'is_sigma_correlation_rule':
      return false;
  }
}

const fieldMeets = (conditions: Conditions<FieldCondition>, field: string): boolean =>
  meets(conditions, ({ type, fields }) => fields.includes(field) === (type === 'include_fields'));

function renameOf({ transformation, field: conditions }: PipelineItem): Rename {
  const rename: Rename = (field) => {
    switch (transformation.type) {
      case 'field_name_mapping':
        return transformation.mapping.get(field) ?? [field];
      case 'field_name_prefix_mapping': {
        const found = [...transformation.mapping].find(([prefix]) => field.startsWith(prefix));
        return found === undefined ? [field] : found[1].map((prefix) => prefix + field.slice(found[0].length));
      }
      case 'field_name_prefix':
        return [transformation.prefix + field];
      case 'field_name_suffix':
        return [field + transformation.suffix];
      default:
        return [field];
    }
  };
  return (field) => (fieldMeets(conditions, field) ? rename(field) : [field]);
}

/**
 * One line under its new names. Of several fields one has to fit; but a field that is absent, null, or different (`neq`) is
 * so only where all of them are.
 */
function renamed(item: TestItem, rename: Rename): Expression<TestItem> {
  const { field, negated, link } = item;
  const tests = item.tests.map((test) => referenceRenamed(test, rename));
  const leaf = (name: string | null, opposite: boolean): Expression<TestItem> => ({
    kind: 'leaf',
    leaf: { field: name, tests, link, negated: opposite },
  });
  const names = field === null ? [] : rename(field);
  if (field === null || names.length === 1) return leaf(names[0] ?? null, negated);
  const ofAll = tests.every((test) => test.kind === 'null' || (test.kind === 'exists' && !test.exists));
  const either = (ofAll ? and : or)(names.map((name) => leaf(name, false)));
  return negated ? not(either) : either;
}

function referenceRenamed(test: ValueTest, rename: Rename): ValueTest {
  if (test.kind === 'any_of') return { kind: 'any_of', tests: test.tests.map((inner) => referenceRenamed(inner, rename)) };
  if (test.kind !== 'field') return test;
  const tests = rename(test.field).map((field) => ({ ...test, field }));
  return tests.length === 1 ? (tests[0] as ValueTest) : { kind: 'any_of', tests };
}

/** The expression without certain lines; null where nothing is left. */
function without(expression: Expression<TestItem>, isDropped: (item: TestItem) => boolean): Expression<TestItem> | null {
  if (expression.kind === 'leaf') return isDropped(expression.leaf) ? null : expression;
  if (expression.kind === 'not') {
    const of = without(expression.of, isDropped);
    return of === null ? null : not(of);
  }
  const of = expression.of.map((part) => without(part, isDropped)).filter((part) => part !== null);
  if (of.length === 0) return null;
  if (expression.kind === 'at_least') return { ...expression, count: Math.min(expression.count, of.length), of };
  return expression.kind === 'and' ? and(of) : or(of);
}
