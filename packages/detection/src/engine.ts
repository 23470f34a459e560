import { createCorrelator } from './correlation/correlator.ts';
import { type Correlations, linkCorrelations } from './correlation/link.ts';
import type { CorrelatorOptions, CorrelatorStats } from './correlation/options.ts';
import type { DetectionError } from './errors.ts';
import { createMatcher, type Matcher, type MatcherOptions } from './matching/matcher.ts';
import type { Alert, DetectionEvent, Evaluation } from './model.ts';
import type { LoadedOverrides, RuleSet } from './overrides.ts';
import { compileByTenant } from './tenant-engine.ts';

export type CompileOptions = MatcherOptions &
  Omit<CorrelatorOptions, 'fieldsOf'> & {
    /** What differs by tenant, and for everyone. */
    readonly overrides?: LoadedOverrides;
  };

/** Compiled rules with the state of one partition. Events of a partition come in its order; nothing here reads a clock. */
export interface Engine {
  /** Matches one event and correlates it; the alerts are those that became certain. */
  evaluate(event: DetectionEvent): Evaluation;
  /** Says that event time has come so far: for partitions that fall silent, and for the end of a history. */
  advance(time_us: number): readonly Alert[];
  /** The same rules with empty state: for another partition, or to begin a replay. */
  fresh(): Engine;
  stats(): CorrelatorStats;
}

/** What was compiled. */
export interface Compiled {
  readonly engine: Engine;
  /** The rules by themselves, without state. */
  readonly matcher: Matcher;
  /** What `replaySpan_us` and `wasGiven` ask for. */
  readonly correlations: Correlations;
  /** Why rules and correlations were left out. */
  readonly errors: readonly DetectionError[];
}

/** Compiles what `loadRules` gave. A rule or correlation that cannot be evaluated whole is left out, with its reason in `errors`. */
export function compile(loaded: RuleSet, options: CompileOptions): Compiled {
  if (options.overrides === undefined) return compileAlike(loaded, options);
  return compileByTenant(loaded, options.overrides, options, (rules) => compileAlike(rules, options));
}

/** The same rules for every tenant. */
function compileAlike(loaded: RuleSet, options: CompileOptions): Compiled {
  const matcher = createMatcher(loaded.rules, options);
  const { errors, ...correlations } = linkCorrelations(loaded.correlations, matcher.rules);
  const withState = (): Engine => {
    const correlator = createCorrelator(correlations, { ...options, fieldsOf: matcher.fieldsOf });
    return {
      evaluate: (event) => {
        const matches = matcher.matches(event);
        return { matches, alerts: correlator.evaluate(event, matches) };
      },
      advance: (time_us) => correlator.advance(time_us),
      fresh: withState,
      stats: () => correlator.stats(),
    };
  };
  return { engine: withState(), matcher, correlations, errors: [...matcher.errors, ...errors] };
}
