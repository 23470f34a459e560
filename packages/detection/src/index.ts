export { type Correlator, createCorrelator } from './correlation/correlator.ts';
export { type Correlations, type LinkedCorrelation, type Linking, linkCorrelations, type Member } from './correlation/link.ts';
export type { CorrelationRule, CorrelationType } from './correlation/model.ts';
export { CORRELATOR_DEFAULTS, type CorrelatorOptions, type CorrelatorStats } from './correlation/options.ts';
export { type Committed, replaySpan_us, wasGiven } from './correlation/replay.ts';
export { type Compiled, type CompileOptions, compile, type Engine } from './engine.ts';
export { DetectionError, type DetectionErrorCode } from './errors.ts';
export { createJsonFields, type JsonFields } from './json-fields.ts';
export { createMatcher, type Matcher, type MatcherOptions } from './matching/matcher.ts';
export {
  type Alert,
  type DetectionEvent,
  EVIDENCE_MAX,
  type Evaluation,
  type FieldValue,
  type Level,
  type LogSource,
  type Match,
  type RuleHead,
  type RulePlace,
  type Sha256,
} from './model.ts';
export { applyOverrides, type LoadedOverrides, loadOverrides, type RuleChange, type RuleChanges, type RuleSet } from './overrides.ts';
export type { Pipeline } from './pipeline/model.ts';
export { type LoadedPipelines, loadPipelines } from './pipeline/parse.ts';
export { DERIVED_FIELDS, derivedField } from './rule-tests/derived-fields.ts';
export { type ParsedRuleTests, parseRuleTests, type RuleTest, type RuleTestFile } from './rule-tests/format.ts';
export { AUDIT, eventsOf, PIPELINE, type RuleTestResult, runRuleTests, type TestedEngine } from './rule-tests/run.ts';
export { type LoadedRules, type LoadOptions, loadRules, type RuleFile } from './sigma/load.ts';
export { MODIFIER_NAMES } from './sigma/modifiers.ts';
export type { Override, Overrides } from './sigma/overrides.ts';
export type { Placeholders } from './sigma/placeholders.ts';
export type { SigmaFilter, SigmaRule } from './sigma/rule.ts';
