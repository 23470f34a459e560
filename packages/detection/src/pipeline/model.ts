import type { LogSource, RulePlace } from '../model.ts';
import type { Expression } from '../sigma/expression.ts';
import type { RawItem } from '../sigma/value-test.ts';

/** A processing pipeline in pySigma's form: how rules are changed to fit the events that they meet. */
export interface Pipeline {
  readonly name: string;
  /** Lower ones come first; equal ones in the order in which they are given. */
  readonly priority: number;
  readonly items: readonly PipelineItem[];
}

export interface PipelineItem {
  readonly id: string | null;
  readonly place: RulePlace;
  readonly transformation: Transformation;
  readonly rule: Conditions<RuleCondition>;
  readonly field: Conditions<FieldCondition>;
}

/** Linked by `and` or `or`, the whole negated or not; none are always met. */
export interface Conditions<Condition> {
  readonly of: readonly Condition[];
  readonly link: 'and' | 'or';
  readonly negated: boolean;
}

export type Transformation =
  /** Several names: the rule matches where one of the fields does. */
  | { readonly type: 'field_name_mapping'; readonly mapping: ReadonlyMap<string, readonly string[]> }
  /** The first prefix that fits is taken. */
  | { readonly type: 'field_name_prefix_mapping'; readonly mapping: ReadonlyMap<string, readonly string[]> }
  | { readonly type: 'field_name_prefix'; readonly prefix: string }
  | { readonly type: 'field_name_suffix'; readonly suffix: string }
  | { readonly type: 'change_logsource'; readonly logsource: LogSource }
  /** What must, or when negated must not, also be true. */
  | { readonly type: 'add_condition'; readonly selection: Expression<RawItem>; readonly negated: boolean }
  | { readonly type: 'set_state'; readonly key: string; readonly value: string | number | boolean }
  /** Takes lines with certain fields out of a rule. */
  | { readonly type: 'drop_detection_item' }
  /** Refuses the rule. */
  | { readonly type: 'rule_failure'; readonly message: string };

export type RuleCondition =
  | { readonly type: 'logsource'; readonly logsource: LogSource }
  | { readonly type: 'contains_field'; readonly field: string }
  | { readonly type: 'processing_item_applied'; readonly item: string }
  | { readonly type: 'processing_state'; readonly key: string; readonly value: string | number | boolean }
  | { readonly type: 'tag'; readonly tag: string }
  | { readonly type: 'is_sigma_rule' }
  | { readonly type: 'is_sigma_correlation_rule' };

export type FieldCondition =
  | { readonly type: 'include_fields'; readonly fields: readonly string[] }
  | { readonly type: 'exclude_fields'; readonly fields: readonly string[] };
