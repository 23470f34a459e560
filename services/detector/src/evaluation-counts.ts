import type { EvaluatedFacts } from './ports.ts';

type Counts = Pick<EvaluatedFacts, 'events' | 'findings' | 'rejected' | 'duplicates' | 'matches' | 'matches_of'>;

/** What an evaluation has come upon since it was last told. */
export class EvaluationCounts implements Counts {
  events = 0;
  findings = 0;
  rejected = 0;
  duplicates = 0;
  matches = 0;
  #matchesOf = new Map<string, number>();

  get matches_of(): ReadonlyMap<string, number> {
    return this.#matchesOf;
  }

  /** Nothing that a reader of facts would miss. */
  get isEmpty(): boolean {
    return this.events === 0 && this.findings === 0 && this.duplicates === 0;
  }

  /** Matches of one event. */
  match(rules: readonly { readonly rule: { readonly id: string } }[]): void {
    this.matches += rules.length;
    for (const { rule } of rules) this.#matchesOf.set(rule.id, (this.#matchesOf.get(rule.id) ?? 0) + 1);
  }

  /** Gives them, and begins anew. */
  take(): Counts {
    const { events, findings, rejected, duplicates, matches, matches_of } = this;
    this.events = this.findings = this.rejected = this.duplicates = this.matches = 0;
    this.#matchesOf = new Map();
    return { events, findings, rejected, duplicates, matches, matches_of };
  }
}
