/** Draws from one seed: the same draws for the same seed and name. */
export interface Draw {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  /** Evenly from `low` up to `high`. */
  between(low: number, high: number): number;
  /** From `low` up to `high`, evenly in the logarithm: small ones as likely as large ones. */
  logBetween(low: number, high: number): number;
  chance(share: number): boolean;
  pick<T>(items: readonly T[]): T;
  normal(mean: number, deviation: number): number;
  exponential(mean: number): number;
  hex(characters: number): string;
  /** Another stream, which draws alike whatever is drawn from this one. */
  named(name: string): Draw;
}

export function drawFrom(seed: number, name = ''): Draw {
  // sfc32 by Chris Doty-Humphrey; its state is filled from seed and name.
  let a = seed | 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const step = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < name.length; i++) {
    c = Math.imul(c ^ name.charCodeAt(i), 0x01000193);
    step();
  }
  for (let i = 0; i < 15; i++) step();
  const next = (): number => step() / 2 ** 32;
  return {
    next,
    int: (low, high) => low + Math.floor(next() * (high - low + 1)),
    between: (low, high) => low + next() * (high - low),
    logBetween: (low, high) => Math.exp(Math.log(low) + next() * (Math.log(high) - Math.log(low))),
    chance: (share) => next() < share,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[Math.floor(next() * items.length)] as T;
    },
    normal: (mean, deviation) => mean + deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    exponential: (mean) => -mean * Math.log(1 - next()),
    hex(characters) {
      let text = '';
      while (text.length < characters) text += step().toString(16).padStart(8, '0');
      return text.slice(0, characters);
    },
    named: (other) => drawFrom(seed, `${name}/${other}`),
  };
}
