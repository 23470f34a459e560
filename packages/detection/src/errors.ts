import type { RulePlace } from './model.ts';

export type DetectionErrorCode =
  /** Not YAML, or YAML beyond what is read: aliases, depth, keys that are no text, integers that a number cannot hold. */
  | 'yaml_malformed'
  /** Neither a rule, nor a correlation, nor a filter; or a collection with actions, which Sigma 2 no longer has. */
  | 'document_unknown'
  /** A field that the specification requires is not there. */
  | 'field_missing'
  /** A field has a value that the specification does not allow there. */
  | 'field_invalid'
  /** The document has no id; alerts and other rules refer to it. */
  | 'id_missing'
  /** Another document has the same id or name. */
  | 'id_duplicate'
  /** A modifier that the standard does not have. */
  | 'modifier_unknown'
  /** A modifier on a value, or after another modifier, that it does not go with. */
  | 'modifier_misplaced'
  /** The condition does not follow the grammar. */
  | 'condition_malformed'
  /** The condition names a selection that the rule does not have. */
  | 'selection_unknown'
  /** The pattern is no regular expression, or needs what cannot be matched in linear time. */
  | 'regex_unsupported'
  /** `expand` names a placeholder that was given no values. */
  | 'placeholder_missing'
  /** A filter, correlation or override names a rule that was not loaded. */
  | 'rule_unknown'
  /** A correlation does not follow the specification. */
  | 'correlation_invalid'
  /** Correlations that rest on each other in a circle. */
  | 'correlation_cycle'
  /** A pipeline does not follow pySigma's form. */
  | 'pipeline_invalid'
  /** A pipeline uses a transformation or condition that is not supported. */
  | 'transformation_unknown'
  /** Larger, deeper or more than a limit of this package. */
  | 'limit_exceeded';

/** Why a document was refused. One line: what, where, what to do. A document with an error is never evaluated in part. */
export class DetectionError extends Error {
  readonly code: DetectionErrorCode;
  readonly place: RulePlace;
  /** The document's id; null where it has none or could not be read. */
  readonly rule: string | null;
  /** The message without place and id. */
  readonly reason: string;
  constructor(code: DetectionErrorCode, place: RulePlace, rule: string | null, reason: string, options?: { cause?: unknown }) {
    super(`${place.file}:${place.line}: ${rule === null ? '' : `${rule}: `}${reason}`.replaceAll(/\s+/g, ' '), options);
    this.name = 'DetectionError';
    this.code = code;
    this.place = place;
    this.rule = rule;
    this.reason = reason;
  }
}
