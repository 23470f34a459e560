import { describe, expect, it } from 'vitest';
import { murmur2, partitionOf } from '../src/partition.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('murmur2', () => {
  // From Apache Kafka's UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s', (text, hash) => {
    expect(murmur2(bytes(text))).toBe(hash);
  });
});

describe('the partition of a key', () => {
  // toPositive drops the sign bit; it is not the absolute value.
  it.each([
    ['21', 3, 1_173_551_340 % 3],
    ['foobar', 5, 1_357_151_166 % 5],
    ['abc', 7, 479_470_107 % 7],
  ])('%s of %i', (text, partitions, partition) => {
    expect(partitionOf(bytes(text), partitions)).toBe(partition);
  });

  it.each([0, -1, 1.5, Number.NaN])('does not accept %s partitions', (partitions) => {
    expect(() => partitionOf(bytes('a'), partitions)).toThrow(RangeError);
  });
});
