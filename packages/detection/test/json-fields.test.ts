import { createJsonFields } from '@sealtrail/detection';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const { field, values } = createJsonFields();

describe('fields of JSON', () => {
  const record = {
    a: { b: 1, 'c.d': 2, list: [{ x: 1 }, { x: [2, [3]] }, { y: 4 }, 5, null], none: null, empty: [] },
    'a.b': 'flat',
    e: [[{ x: 'y' }], []],
    u: undefined,
  };

  it.each([
    ['a.list.x', [1, [2, 3]]],
    ['a.list', ['{"x":1}', '{"x":[2,[3]]}', '{"y":4}', 5, null]],
    ['a.none', null],
    ['a.empty', []],
    ['e.x', ['y']],
    ['e', ['{"x":"y"}']],
    // The name itself comes before the path.
    ['a.b', 'flat'],
    ['a.list.z', undefined],
    ['a.none.x', undefined],
    ['a.b.c', undefined],
    ['nothing', undefined],
    ['u', undefined],
    ['a.c.d', undefined],
    ['toString', undefined],
    ['a.__proto__.x', undefined],
    ['', undefined],
  ])('%j is %j', (name, expected) => {
    expect(field(record, name)).toEqual(expected);
  });

  it.each([null, 5, 'text', [1], undefined])('of %j are none', (nothing) => {
    expect(field(nothing, 'a')).toBeUndefined();
  });

  it('that are objects are their JSON text', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(field({ object }, 'object')).toBe(JSON.stringify(object));
      }),
    );
  });

  it('are all values but objects and lists, in the order of the record', () => {
    expect(values({ b: [1, { c: 'x' }, [null]], a: { d: true }, e: {} })).toEqual([1, 'x', null, true]);
    expect(values('x')).toEqual(['x']);
  });
});
