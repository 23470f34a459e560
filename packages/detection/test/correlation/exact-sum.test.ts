import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExactSum } from '../../src/correlation/exact-sum.ts';

const SCALE = 1_074n;
const SUBNORMAL = 900;
/** A number as a whole multiple of 2^-1074, which every number is. */
function whole(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = (raw >> 52n) & 0x7ffn;
  const fraction = raw & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return raw >> 63n === 1n ? -magnitude : magnitude;
}
/** The number nearest to a multiple of 2^-1074, ties to even. */
function nearest(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 53));
  let kept = magnitude >> drop;
  const rest = magnitude - (kept << drop);
  const half = drop === 0n ? 1n : 1n << (drop - 1n);
  if (drop > 0n && (rest > half || (rest === half && kept % 2n === 1n))) kept += 1n;
  const power = Number(drop - SCALE);
  // In two steps where the power alone would be no number.
  const number = power < -SUBNORMAL ? Number(kept) * 2 ** -SUBNORMAL * 2 ** (power + SUBNORMAL) : Number(kept) * 2 ** power;
  return value < 0n ? -number : number;
}

const numbers = fc.array(
  fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
    fc.integer(),
    fc.constantFrom(0.1, 0.2, 0.3, 1e16, 1, -1e16, 5e-324, 2 ** 53, 2 ** -53),
  ),
  { maxLength: 60 },
);

it('a sum is the exact one, rounded once, whatever was added and taken away', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.infiniteStream(fc.boolean()), (stay, go, order) => {
      const sum = new ExactSum();
      const steps = [...go, ...stay];
      for (const value of steps) sum.add(value);
      for (const value of order.next().value === true ? go : [...go].reverse()) sum.add(-value);
      expect(sum.value).toBe(nearest(stay.reduce((total, value) => total + whole(value), 0n)) + 0);
    }),
    { numRuns: 1_000 },
  );
});
