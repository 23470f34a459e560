import { type NaiveReading, type Token, varint } from './naive.ts';
import type { Random } from './random.ts';

/** Canonical bytes, and where everything in them stands. */
export interface Specimen {
  readonly bytes: Uint8Array;
  readonly reading: NaiveReading;
}

/** Each class of bytes that are no UTF-8, and a few that are and look as if they were not. */
export const STRANGE_TEXTS: readonly { readonly name: string; readonly well_formed: boolean; readonly bytes: readonly number[] }[] = [
  { name: 'a continuation byte alone', well_formed: false, bytes: [0x80] },
  { name: 'the last continuation byte alone', well_formed: false, bytes: [0xbf] },
  { name: 'an overlong NUL of two bytes', well_formed: false, bytes: [0xc0, 0x80] },
  { name: 'an overlong DEL of two bytes', well_formed: false, bytes: [0xc1, 0xbf] },
  { name: 'an overlong form of three bytes', well_formed: false, bytes: [0xe0, 0x9f, 0xbf] },
  { name: 'an overlong form of four bytes', well_formed: false, bytes: [0xf0, 0x8f, 0xbf, 0xbf] },
  { name: 'the first high surrogate', well_formed: false, bytes: [0xed, 0xa0, 0x80] },
  { name: 'the last low surrogate', well_formed: false, bytes: [0xed, 0xbf, 0xbf] },
  { name: 'a surrogate pair in six bytes', well_formed: false, bytes: [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80] },
  { name: 'a code point above U+10FFFF', well_formed: false, bytes: [0xf4, 0x90, 0x80, 0x80] },
  { name: 'a leading byte F5', well_formed: false, bytes: [0xf5, 0x80, 0x80, 0x80] },
  { name: 'a leading byte FF', well_formed: false, bytes: [0xff] },
  { name: 'two bytes cut to one', well_formed: false, bytes: [0xc3] },
  { name: 'three bytes cut to two', well_formed: false, bytes: [0xe2, 0x82] },
  { name: 'four bytes cut to three', well_formed: false, bytes: [0xf0, 0x9f, 0x98] },
  { name: 'a leading byte before ASCII', well_formed: false, bytes: [0xe2, 0x41, 0x42] },
  { name: 'a byte order mark', well_formed: true, bytes: [0xef, 0xbb, 0xbf] },
  { name: 'a noncharacter', well_formed: true, bytes: [0xef, 0xbf, 0xbf] },
  { name: 'the replacement character', well_formed: true, bytes: [0xef, 0xbf, 0xbd] },
  { name: 'the last code point', well_formed: true, bytes: [0xf4, 0x8f, 0xbf, 0xbf] },
  { name: 'the code point before the surrogates', well_formed: true, bytes: [0xed, 0x9f, 0xbf] },
  { name: 'the code point after the surrogates', well_formed: true, bytes: [0xee, 0x80, 0x80] },
  { name: 'NUL', well_formed: true, bytes: [0] },
];

const STRANGE_NUMBERS: readonly bigint[] = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  63n,
  64n,
  -64n,
  -65n,
  255n,
  4_096n,
  4_097n,
  32_768n,
  2n ** 27n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
  -(2n ** 31n) - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) + 1n,
  -(2n ** 53n),
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 70n,
  7_258_118_399_999n,
  7_258_118_400_000n,
  7_258_118_399_999_999n,
  7_258_118_400_000_000n,
];
const STRANGE_BYTES = [0, 1, 2, 3, 4, 0x20, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

type Mutation = (random: Random, specimen: Specimen, other: Specimen) => Uint8Array;

const replaced = (bytes: Uint8Array, start: number, end: number, by: ArrayLike<number>): Uint8Array => {
  const out = Buffer.allocUnsafe(bytes.length - (end - start) + by.length);
  out.set(bytes.subarray(0, start));
  out.set(by, start);
  out.set(bytes.subarray(end), start + by.length);
  return out;
};
const anyToken = (random: Random, specimen: Specimen, wanted: (token: Token) => boolean): Token | undefined => {
  const { tokens } = specimen.reading;
  const from = random.below(tokens.length);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[(from + i) % tokens.length] as Token;
    if (wanted(token)) return token;
  }
  return undefined;
};
const isNumber = (token: Token): boolean => token.kind !== 'text' && token.kind !== 'fixed';

const flipBits: Mutation = (random, { bytes }) => {
  const out = Buffer.from(bytes);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(out.length);
    out[at] = (out[at] as number) ^ (1 << random.below(8));
  }
  return out;
};
const setByte: Mutation = (random, { bytes }) => {
  const out = Buffer.from(bytes);
  out[random.below(out.length)] = random.pick(STRANGE_BYTES);
  return out;
};
const insertBytes: Mutation = (random, { bytes }) => {
  const at = random.below(bytes.length + 1);
  return replaced(bytes, at, at, random.bytes(1 + random.below(4)));
};
const removeBytes: Mutation = (random, { bytes }) => {
  const at = random.below(bytes.length);
  return replaced(bytes, at, Math.min(bytes.length, at + 1 + random.below(8)), []);
};
const truncate: Mutation = (random, { bytes }) => bytes.subarray(0, random.below(bytes.length));
const append: Mutation = (random, { bytes }) => replaced(bytes, bytes.length, bytes.length, random.bytes(1 + random.below(3)));
const splice: Mutation = (random, { bytes }, other) => {
  const at = random.below(bytes.length);
  return replaced(bytes, at, bytes.length, other.bytes.subarray(random.below(other.bytes.length)));
};
const spliceAtTokens: Mutation = (random, specimen, other) => {
  const index = random.below(Math.min(specimen.reading.tokens.length, other.reading.tokens.length));
  const here = specimen.reading.tokens[index] as Token;
  const there = other.reading.tokens[index] as Token;
  return replaced(specimen.bytes, here.start, specimen.bytes.length, other.bytes.subarray(there.start));
};
const repeatToken: Mutation = (random, specimen) => {
  const { start, end } = random.pick(specimen.reading.tokens);
  return replaced(specimen.bytes, end, end, specimen.bytes.subarray(start, end));
};
const lengthenNumber: Mutation = (random, specimen) => {
  const token = anyToken(random, specimen, isNumber) as Token;
  const last = (specimen.bytes[token.end - 1] as number) | 0x80;
  return replaced(specimen.bytes, token.end - 1, token.end, [last, ...Array.from({ length: random.below(9) }, () => 0x80), 0]);
};
const strangeNumber: Mutation = (random, specimen) => {
  const token = anyToken(random, specimen, isNumber) as Token;
  return replaced(specimen.bytes, token.start, token.end, varint(random.pick(STRANGE_NUMBERS)));
};
const strangeText: Mutation = (random, specimen) => {
  const text = anyToken(random, specimen, (token) => token.kind === 'text') as Token;
  const length = specimen.reading.tokens[specimen.reading.tokens.indexOf(text) - 1] as Token;
  const old = specimen.bytes.subarray(text.start, text.end);
  const cut = random.below(old.length + 1);
  const fresh = [...old.subarray(0, cut), ...random.pick(STRANGE_TEXTS).bytes, ...old.subarray(cut)];
  return replaced(specimen.bytes, length.start, text.end, [...varint(BigInt(fresh.length)), ...fresh]);
};
/** Avro allows a negative count with the block's size behind it. */
const negativeBlock: Mutation = (random, specimen, other) => {
  if (specimen.reading.blocks.length === 0) return flipBits(random, specimen, other);
  const { count, items } = random.pick(specimen.reading.blocks);
  const size = (items[items.length - 1]?.end ?? 0) - count.end;
  return replaced(specimen.bytes, count.start, count.end, [...varint(BigInt(-items.length)), ...varint(BigInt(size))]);
};
/** Avro allows any number of blocks. */
const twoBlocks: Mutation = (random, specimen, other) => {
  const block = specimen.reading.blocks.find(({ items }) => items.length > 1);
  if (block === undefined) return flipBits(random, specimen, other);
  const first = 1 + random.below(block.items.length - 1);
  const split = (block.items[first] as { start: number }).start;
  const halved = replaced(specimen.bytes, split, split, varint(BigInt(block.items.length - first)));
  return replaced(halved, block.count.start, block.count.end, varint(BigInt(first)));
};
const swapItems: Mutation = (random, specimen, other) => {
  const block = specimen.reading.blocks.find(({ items, isMap }) => isMap && items.length > 1);
  if (block === undefined) return spliceAtTokens(random, specimen, other);
  const index = random.below(block.items.length - 1);
  const [a, b] = [block.items[index], block.items[index + 1]] as [Span, Span];
  const { bytes } = specimen;
  return replaced(bytes, a.start, b.end, Buffer.concat([bytes.subarray(b.start, b.end), bytes.subarray(a.start, a.end)]));
};
interface Span {
  readonly start: number;
  readonly end: number;
}
const repeatItem: Mutation = (random, specimen, other) => {
  if (specimen.reading.blocks.length === 0) return flipBits(random, specimen, other);
  const block = random.pick(specimen.reading.blocks);
  const { start, end } = random.pick(block.items);
  const longer = replaced(specimen.bytes, end, end, specimen.bytes.subarray(start, end));
  return replaced(longer, block.count.start, block.count.end, varint(BigInt(block.items.length + 1)));
};

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBits,
  setByte,
  insertBytes,
  removeBytes,
  truncate,
  append,
  splice,
  spliceAtTokens,
  repeatToken,
  lengthenNumber,
  strangeNumber,
  strangeText,
  negativeBlock,
  twoBlocks,
  swapItems,
  repeatItem,
};
