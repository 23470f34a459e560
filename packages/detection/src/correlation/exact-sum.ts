/**
 * A sum of numbers that is exact whatever is added and taken away in whatever order, rounded once when it is read: so a
 * sliding sum depends on what is in the window alone, and a replay that starts elsewhere gives the same. The partial sums
 * do not overlap (J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997, GROW-EXPANSION).
 */
export class ExactSum {
  readonly #partials: number[] = [];

  /** Adds a finite number; to take one away, add its negative. */
  add(value: number): void {
    const partials = this.#partials;
    let x = value;
    let kept = 0;
    for (let i = 0; i < partials.length; i++) {
      let y = partials[i] as number;
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    if (x !== 0) partials.push(x);
  }

  /** The sum, rounded to the nearest number, ties to even. */
  get value(): number {
    const partials = this.#partials;
    let at = partials.length;
    if (at === 0) return 0;
    let high = partials[--at] as number;
    let low = 0;
    while (at > 0) {
      const x = high;
      const y = partials[--at] as number;
      high = x + y;
      low = y - (high - x);
      if (low !== 0) break;
    }
    // What is left below may lie just beyond a tie.
    const below = at > 0 ? (partials[at - 1] as number) : 0;
    if ((low < 0 && below < 0) || (low > 0 && below > 0)) {
      const doubled = low * 2;
      const x = high + doubled;
      if (doubled === x - high) return x;
    }
    return high;
  }
}
