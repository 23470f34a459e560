/** Breadth first through every state that the rules allow, so that the first violation found has a shortest trace. */
import { sizeOf } from './chain.ts';
import { violationIn } from './invariants.ts';
import { canonicalize, PACKED_BYTES_MAX, pack, type Renaming, unpack } from './pack.ts';
import type { Rules } from './rules.ts';
import { initialState, type State } from './state.ts';
import { type Step, stepsFrom } from './steps.ts';
import { createStateTable, type StateTable } from './table.ts';

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** Transitions to states in which everything is published: a run that reaches none has shown nothing. */
  readonly all_published: number;
  /** States without a further step. */
  readonly terminal: number;
  /** Steps left out because too many claims were alive: has to be 0 for the run to be exhaustive. */
  readonly left_out: number;
}

export type Verdict =
  | ({ readonly kind: 'ok' } & Explored)
  /** `trace` has a line a step, the last of which violates. */
  | ({ readonly kind: 'violation'; readonly violation: string; readonly trace: readonly string[] } & Explored)
  /** More states than allowed: not a pass. */
  | ({ readonly kind: 'bound' } & Explored);

export interface ExploreOptions {
  readonly states_max: number;
  /** Called with every state, as it is expanded. */
  readonly onState?: (state: State) => void;
}

export function explore(rules: Rules, options: ExploreOptions): Verdict {
  const table = createStateTable(PACKED_BYTES_MAX);
  const scratch = new Uint8Array(PACKED_BYTES_MAX);
  const keep = (state: State, parent: number): boolean => {
    canonicalize(state);
    return table.add(scratch, pack(state, scratch), parent);
  };
  keep(initialState(rules.bounds.members), -1);
  const seen = { transitions: 0, all_published: 0, terminal: 0, left_out: 0 };
  const explored = (): Explored => ({ states: table.size, ...seen });

  for (let k = 0; k < table.size; k++) {
    const from = unpack(table.bytes, table.offsetOf(k));
    options.onState?.(from);
    const { steps, left_out } = stepsFrom(rules, from);
    seen.left_out += left_out;
    if (steps.length === 0) {
      seen.terminal++;
      if (from.assignments < rules.bounds.assignments) {
        return { kind: 'violation', violation: 'P4 nothing can happen any more', trace: trace(rules, table, k), ...explored() };
      }
    }
    for (const step of steps) {
      seen.transitions++;
      const violation = step.violation ?? violationIn(rules, step.state);
      if (violation !== null) {
        return { kind: 'violation', violation, trace: trace(rules, table, k, steps.indexOf(step)), ...explored() };
      }
      if (sizeOf(step.state.published) === rules.bounds.records) seen.all_published++;
      if (keep(step.state, k) && table.size > options.states_max) return { kind: 'bound', ...explored() };
    }
  }
  return { kind: 'ok', ...explored() };
}

/** The steps from the start to state `k`, and one more; every member and claim keeps its name throughout. */
function trace(rules: Rules, table: StateTable, k: number, lastStep?: number): readonly string[] {
  const path: number[] = [];
  for (let at = k; at >= 0; at = table.parentOf(at)) path.unshift(at);
  const names = new TraceNames(rules.bounds.members);
  const lines: string[] = [];
  const scratch = new Uint8Array(PACKED_BYTES_MAX);
  path.forEach((at, depth) => {
    const { steps } = stepsFrom(rules, unpack(table.bytes, table.offsetOf(at)));
    const next = path[depth + 1];
    if (next === undefined) {
      const last = lastStep === undefined ? undefined : steps[lastStep];
      if (last !== undefined) lines.push(names.tell(last));
      return;
    }
    for (const step of steps) {
      const line = names.preview(step);
      const renaming = canonicalize(step.state);
      if (!table.equals(next, scratch, pack(step.state, scratch))) continue;
      lines.push(line.text);
      names.follow(line.claims, renaming);
      return;
    }
    throw new Error(`state ${next} cannot be reached from state ${at}: the model is not a function of its state`);
  });
  return lines;
}

class TraceNames {
  #members: readonly string[];
  #claims: readonly string[] = [];
  #claimsNamed = 0;
  constructor(members: number) {
    this.#members = Array.from({ length: members }, (_, i) => `m${i}`);
  }

  /** The step's line, and the claims' names after it. */
  preview(step: Step): { readonly text: string; readonly claims: readonly string[] } {
    const claims = [...this.#claims];
    for (let named = this.#claimsNamed; claims.length < step.state.claims.length; named++) claims.push(`c${named}`);
    return { text: step.label({ member: (i) => this.#members[i] ?? `m?${i}`, claim: (c) => claims[c] ?? `c?${c}` }), claims };
  }

  tell(step: Step): string {
    return this.preview(step).text;
  }

  follow(claims: readonly string[], renaming: Renaming): void {
    this.#claimsNamed += claims.length - this.#claims.length;
    this.#claims = renaming.claims.map((former) => claims[former] as string);
    this.#members = renaming.members.map((former) => this.#members[former] as string);
  }
}
