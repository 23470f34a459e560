import { DetectionError } from '../errors.ts';
import type { RuleHead } from '../model.ts';
import type { CorrelationRule } from './model.ts';

/** A member of a correlation: a rule, or another correlation by its index. */
export type Member =
  | { readonly kind: 'rule'; readonly head: RuleHead }
  | { readonly kind: 'correlation'; readonly index: number; readonly head: RuleHead };

export interface LinkedCorrelation {
  readonly rule: CorrelationRule;
  /** In the order of the rule's `rules`. */
  readonly members: readonly Member[];
  /** It is used by another correlation, and none that uses it has `generate`. */
  readonly silent: boolean;
}

/** Correlations and the rules that they rest on. A correlation stands after all those that it refers to. */
export interface Correlations {
  readonly linked: readonly LinkedCorrelation[];
  /** Ids of rules that do not alert by themselves. */
  readonly silent_rules: ReadonlySet<string>;
}

export interface Linking extends Correlations {
  readonly errors: readonly DetectionError[];
}

/** How many correlations may rest on each other. */
export const CHAIN_MAX = 8;
/** How far a chain is followed before it is given up: far beyond what is allowed, far below what the stack holds. */
const DEPTH_MAX = 500;
/** In how many ways an event may come to one correlation. */
export const ROUTES_MAX = 10_000;

/** Looks up what correlations refer to. One that cannot be evaluated is left out with the reason, and so is each that refers to it. */
export function linkCorrelations(correlations: readonly CorrelationRule[], rules: readonly RuleHead[]): Linking {
  const errors: DetectionError[] = [];
  const named = namesOf([...rules, ...correlations.map(({ head }) => head)]);
  const byHead = new Map(correlations.map((rule) => [rule.head, rule]));
  const linked: { rule: CorrelationRule; members: readonly Member[]; chain: number; routes: number }[] = [];
  const states = new Map<CorrelationRule, number | 'open' | 'refused'>();

  /** The index of a correlation among those linked; null where it was refused. */
  function visit(rule: CorrelationRule, depth: number): number | null {
    const state = states.get(rule);
    if (typeof state === 'number') return state;
    if (state === 'refused') return null;
    states.set(rule, 'open');
    const members: Member[] = [];
    let refused = false;
    const refuse = (code: DetectionError['code'], reason: string): void => {
      refused = true;
      errors.push(new DetectionError(code, rule.rules_place, rule.head.id, reason));
    };
    for (const reference of rule.rules) {
      const found = named.get(reference) ?? [];
      const head = found[0];
      if (head === undefined) refuse('rule_unknown', `refers to ${reference}, which is not loaded: load it, or correct the id or name`);
      else if (found.length > 1) refuse('id_duplicate', `refers to ${reference}, which ${found.length} rules are called: refer by id`);
      else {
        const inner = byHead.get(head);
        if (inner === undefined) members.push({ kind: 'rule', head });
        else if (states.get(inner) === 'open') refuse('correlation_cycle', `refers to ${reference}, which rests on it in turn`);
        else {
          const index = depth < DEPTH_MAX ? visit(inner, depth + 1) : null;
          if (index === null) refuse('correlation_invalid', `refers to ${reference}, which was refused`);
          else members.push({ kind: 'correlation', index, head });
        }
      }
    }
    for (const [alias, fields] of rule.aliases)
      for (const name of fields.keys())
        if (members.length === rule.rules.length && !members.some((member, i) => callsMember(name, member, rule.rules[i])))
          refuse('correlation_invalid', `alias ${alias} names ${name}, which is none of its rules`);
    if (new Set(members.map(({ head }) => head)).size !== members.length) refuse('correlation_invalid', 'refers to one rule by two names');
    const inner = members.flatMap((member) => (member.kind === 'correlation' ? [linked[member.index]] : []));
    const chain = 1 + Math.max(0, ...inner.map((other) => other?.chain ?? 0));
    const routes = members.length - inner.length + inner.reduce((sum, other) => sum + (other?.routes ?? 0), 0);
    if (chain > CHAIN_MAX) refuse('limit_exceeded', `more than ${CHAIN_MAX} correlations rest on each other`);
    else if (routes > ROUTES_MAX) refuse('limit_exceeded', `an event can come to it in more than ${ROUTES_MAX} ways`);
    states.set(rule, refused ? 'refused' : linked.length);
    if (refused) return null;
    return linked.push({ rule, members, chain, routes }) - 1;
  }
  for (const rule of correlations) visit(rule, 1);

  const silent = silenced(linked);
  return {
    linked: linked.map(({ rule, members }) => ({ rule, members, silent: silent.has(rule.head) })),
    silent_rules: new Set(rules.filter((head) => silent.has(head)).map(({ id }) => id)),
    errors,
  };
}

/** Whether an alias means a member: by its id, by its name, or as the correlation's rules call it. */
export const callsMember = (name: string, { head }: Member, reference: string | undefined): boolean =>
  name === reference || name === head.id || name === head.name;

/** Rules and correlations by id and by name; an id comes before a name. */
function namesOf(heads: readonly RuleHead[]): ReadonlyMap<string, readonly RuleHead[]> {
  const named = new Map<string, RuleHead[]>();
  const ids = new Set(heads.map(({ id }) => id));
  for (const head of heads) {
    for (const name of new Set([head.id, head.name]))
      if (name !== null && (name === head.id || !ids.has(name))) named.set(name, [...(named.get(name) ?? []), head]);
  }
  return named;
}

/** What is used by correlations, none of which has `generate`. */
function silenced(linked: readonly { readonly rule: CorrelationRule; readonly members: readonly Member[] }[]): ReadonlySet<RuleHead> {
  const used = new Set(linked.flatMap(({ members }) => members.map(({ head }) => head)));
  for (const { rule, members } of linked) if (rule.generate) for (const { head } of members) used.delete(head);
  return used;
}
