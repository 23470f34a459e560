/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** A copy. */
  get counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }
}
