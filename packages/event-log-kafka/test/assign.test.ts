import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, decodeAssignment, decodeMember, encodeAssignment, encodeMember } from '../src/assign.ts';

const members = fc.uniqueArray(fc.record({ member_id: fc.string(), since_ms: fc.integer({ min: 0, max: 2 ** 45 }) }), {
  selector: ({ member_id }) => member_id,
  minLength: 1,
  maxLength: 8,
});
const partitions = fc.integer({ min: 0, max: 40 });

describe('partitions', () => {
  it('go to one member each, evenly, whatever the order in which members are named', () => {
    fc.assert(
      fc.property(members, partitions, (group, count) => {
        const assigned = assign(group, count);
        const all = [...assigned.values()].flat().sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: count }, (_, partition) => partition));
        const sizes = Array.from(assigned.values(), ({ length }) => length);
        expect(sizes.length).toBe(group.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(new Map(assign([...group].reverse(), count))).toEqual(new Map(assigned));
      }),
    );
  });

  it('stay with the eldest: one partition never moves to who comes later', () => {
    fc.assert(
      fc.property(members, (group) => {
        const [holder] = [...assign(group, 1)].find(([, held]) => held.length === 1) ?? [];
        const later = { member_id: 'who came later', since_ms: 2 ** 46 };
        expect(assign([...group, later], 1).get(holder ?? '')).toEqual([0]);
      }),
    );
  });

  it('are told by the bytes of the consumer protocol', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(fc.nat(1_000)), fc.integer({ min: 0, max: 2 ** 45 }), (topic, given, since_ms) => {
        expect(decodeAssignment(encodeAssignment(topic, given), topic)).toEqual(given);
        expect(decodeMember('m', encodeMember(topic, since_ms), topic)).toEqual({ member_id: 'm', since_ms });
        expect(decodeMember('m', encodeMember(topic, since_ms), `${topic}2`)).toBeNull();
      }),
    );
    expect(decodeAssignment(Buffer.alloc(0), 't')).toEqual([]);
  });
});
