import { type Compiled, DetectionError, type LoadedRules, type RuleHead, type RuleSet } from '@sealtrail/detection';

/** What runs where rules that are refused are left out. */
export interface Understood {
  readonly compiled: Compiled;
  /** Why rules and correlations were left out. */
  readonly left_out: readonly DetectionError[];
  /** What keeps all of it from running all the same. */
  readonly errors: readonly DetectionError[];
}

/**
 * Leaves out the rules that are refused, the correlations that ask for one of them, and what only such correlations ask for: by
 * itself that would alert at each event, as its author did not mean it. What runs is as it was written. Other mistakes are
 * not passed by: a correlation, a filter, a mapping or an override that is wrong in itself changes what others mean.
 *
 * @param compileThem compiles rules as they are
 * @param isOfRules whether an error of that is about a rule or a correlation, and not about an override of one
 */
export function withoutRefused(
  loaded: LoadedRules,
  compileThem: (rules: RuleSet) => Compiled,
  isOfRules: (error: DetectionError) => boolean,
): Understood {
  const leftOut = [...loaded.rule_errors];
  const ofRules = new Set(loaded.rule_errors);
  let rules: RuleSet = loaded;
  for (;;) {
    const compiled = compileThem(rules);
    const refused = compiled.errors.filter(isOfRules);
    if (refused.length === 0) {
      const gone = new Set(leftOut.map(({ rule }) => rule));
      const others = compiled.errors.filter(({ rule }) => rule === null || !gone.has(rule));
      return { compiled, left_out: leftOut, errors: [...loaded.errors.filter((error) => !ofRules.has(error)), ...others] };
    }
    const alone = askedByRefusedAlone(rules, new Set(refused.map(({ rule }) => rule)));
    leftOut.push(...refused, ...alone.map(unasked));
    const gone = new Set([...refused.map(({ rule }) => rule), ...alone.map(({ id }) => id)]);
    const stays = ({ head }: { readonly head: RuleHead }): boolean => !gone.has(head.id);
    rules = { rules: rules.rules.filter(stays), correlations: rules.correlations.filter(stays) };
  }
}

/**
 * What no correlation asks for any more once these are gone, and none of those that asked let alert by itself: with them go those
 * that they ask for in turn.
 */
function askedByRefusedAlone({ rules, correlations }: RuleSet, refused: ReadonlySet<string | null>): readonly RuleHead[] {
  const heads = [...rules, ...correlations].map(({ head }) => head);
  const isNamed = ({ id, name }: RuleHead, names: ReadonlySet<string>): boolean => names.has(id) || (name !== null && names.has(name));
  const alone: RuleHead[] = [];
  for (;;) {
    const gone = new Set([...refused, ...alone.map(({ id }) => id)]);
    const goes = ({ head }: { readonly head: RuleHead }): boolean => gone.has(head.id);
    const silenced = new Set(correlations.filter((one) => goes(one) && !one.generate).flatMap((one) => one.rules));
    const asked = new Set(correlations.filter((one) => !goes(one)).flatMap((one) => one.rules));
    const more = heads.filter((head) => !gone.has(head.id) && isNamed(head, silenced) && !isNamed(head, asked));
    if (more.length === 0) return alone;
    alone.push(...more);
  }
}

const unasked = ({ id, place }: RuleHead): DetectionError =>
  new DetectionError('rule_unknown', place, id, 'only correlations that are left out ask for it, and alone it would alert at each event');
