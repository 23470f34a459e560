import { DetectionError } from '../errors.ts';
import type { LogSource, RuleHead, RulePlace } from '../model.ts';
import { applyPipelines } from '../pipeline/apply.ts';
import type { Pipeline } from '../pipeline/model.ts';
import { type Expression, mapLeaves } from '../sigma/expression.ts';
import { ItemFault } from '../sigma/item-fault.ts';
import { applyModifiers } from '../sigma/modifiers.ts';
import type { Placeholders } from '../sigma/placeholders.ts';
import type { SigmaRule } from '../sigma/rule.ts';
import type { RawItem, TestItem } from '../sigma/value-test.ts';

/** A rule with its modifiers and the pipelines applied. */
export interface LoweredRule {
  readonly kind: 'lowered';
  readonly head: RuleHead;
  readonly logsource: LogSource;
  readonly expression: Expression<TestItem>;
  readonly fieldsOf: (field: string) => readonly string[];
}

export type Lowering = LoweredRule | { readonly kind: 'refused'; readonly error: DetectionError };

/** Carries the place of a line out of the walk over an expression. */
class PlacedFault extends Error {
  readonly place: RulePlace;
  readonly fault: ItemFault;
  constructor(place: RulePlace, fault: ItemFault) {
    super(fault.message);
    this.place = place;
    this.fault = fault;
  }
}

/** Applies modifiers, with the placeholders' values, and then the pipelines. */
export function lowerRule(rule: SigmaRule, pipelines: readonly Pipeline[], placeholders: Placeholders): Lowering {
  const { head } = rule;
  const testsOf = (expression: Expression<RawItem>): Expression<TestItem> => mapLeaves(expression, (item) => testItem(item, placeholders));
  try {
    const subject = { logsource: rule.logsource, expression: testsOf(rule.expression), tags: head.tags };
    const outcome = applyPipelines(subject, pipelines, testsOf);
    if (outcome.kind === 'failed') {
      const { file, line } = outcome.place;
      return { kind: 'refused', error: new DetectionError('pipeline_invalid', head.place, head.id, `${outcome.reason} (${file}:${line})`) };
    }
    return { ...outcome, kind: 'lowered', head };
  } catch (error) {
    if (!(error instanceof PlacedFault)) throw error;
    return { kind: 'refused', error: new DetectionError(error.fault.code, error.place, head.id, error.message, { cause: error.fault }) };
  }
}

function testItem(item: RawItem, placeholders: Placeholders): Expression<TestItem> {
  try {
    return { kind: 'leaf', leaf: applyModifiers(item, placeholders) };
  } catch (error) {
    if (error instanceof ItemFault) throw new PlacedFault(item.place, error);
    throw error;
  }
}
