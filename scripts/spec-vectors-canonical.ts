import { crc64Avro, parsingCanonicalForm } from '../packages/wire/src/avro/canonical.ts';
import { compileSchema } from '../packages/wire/src/avro/plan.ts';
import { Fault, Reader } from '../packages/wire/src/avro/reader.ts';
import { Writer } from '../packages/wire/src/avro/writer.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const MAP = { type: 'map', values: 'string' };
const LIST = { type: 'array', items: 'string' };
const MILLIS = { type: 'long', logicalType: 'timestamp-millis' };
const LETTERS = { type: 'enum', name: 'Letter', symbols: ['A', 'B', 'C'] };

const VALUES: readonly (readonly [unknown, unknown])[] = [
  ['int', 0],
  ['int', -1],
  ['int', 63],
  ['int', 64],
  ['int', 2_147_483_647],
  ['int', -2_147_483_648],
  ['long', 9_007_199_254_740_991],
  ['long', -9_007_199_254_740_991],
  [MILLIS, 7_258_118_399_999],
  ['boolean', false],
  ['boolean', true],
  ['double', 0],
  ['double', 0.1],
  ['double', -1_152_921_504_606_846_976],
  ['double', 5e-324],
  ['string', ''],
  ['string', 'naïve 😀'],
  ['string', '\ufeff'],
  [LETTERS, 'C'],
  [['null', 'string'], null],
  [['null', 'string'], 'a'],
  [LIST, []],
  [LIST, ['a', '']],
  [MAP, new Map()],
  [
    MAP,
    new Map([
      ['b', '2'],
      ['a', '1'],
      ['', '0'],
    ]),
  ],
  [
    MAP,
    new Map([
      ['\u{10000}', 'after'],
      ['\uffff', 'before'],
    ]),
  ],
  [{ type: 'fixed', name: 'Four', size: 4 }, Uint8Array.of(0xff, 0x80, 0x00, 0xc0)],
];

const REFUSED: readonly (readonly [string, unknown, string])[] = [
  ['one, in two bytes', 'int', '8200'],
  ['zero, in ten bytes', 'long', '80808080808080808000'],
  ['2^31 as an int', 'int', '8080808010'],
  ['2^53', 'long', '8080808080808020'],
  ['the smallest 64-bit number', 'long', 'ffffffffffffffffff01'],
  ['eleven bytes', 'long', '8080808080808080808001'],
  ['a number that ends early', 'long', '80'],
  ['a time before 1970', MILLIS, '01'],
  ['the first millisecond of 2200', MILLIS, '80a08d99bda603'],
  ['a boolean of two', 'boolean', '02'],
  ['not a number', 'double', '000000000000f87f'],
  ['an infinity', 'double', '000000000000f0ff'],
  ['a negative zero', 'double', '0000000000000080'],
  ['a double that ends early', 'double', '9a9999999999b9'],
  ['a negative length', 'string', '01'],
  ['a length of 2^27', 'string', '8080808001'],
  ['a length of one more than there is', 'string', '0441'],
  ['an overlong form of NUL', 'string', '04c080'],
  ['a surrogate', 'string', '06eda080'],
  ['a code point above U+10FFFF', 'string', '08f4908080'],
  ['a sequence that ends early', 'string', '04e282'],
  ['a continuation byte alone', 'string', '0280'],
  ['a symbol that is not there', LETTERS, '06'],
  ['a branch that is not there', ['null', 'string'], '04'],
  ['a list in two blocks', LIST, '02026102026200'],
  ['a list with a negative count and its size', LIST, '0104026100'],
  ['a list without its closing zero', LIST, '020261'],
  ['a count of more items than there are bytes', LIST, 'feffffff0f0000'],
  ['a map whose keys are not ascending', MAP, '04026202320261023100'],
  ['a map with a key twice', MAP, '04026102310261023200'],
  ['a map in the order of UTF-16 units', MAP, '0408f0908080026106efbfbf026200'],
];

function refusalOf(type: unknown, bytes: Uint8Array): string {
  const reader = new Reader(bytes, 0, bytes.length);
  try {
    reader.skip(compileSchema(type));
  } catch (error) {
    if (error instanceof Fault) return error.reason;
    throw error;
  }
  throw new Error(`${hex(bytes)} is not refused`);
}

export const canonicalVectors = (): unknown => ({
  comment: 'docs/spec/canonical-avro.md. Bytes are hexadecimal; maps are pairs in the order of the encoding.',
  values: VALUES.map(([type, value]) => {
    const writer = new Writer(new Uint8Array(64), 0, 64);
    writer.write(compileSchema(type), value);
    const json =
      value instanceof Uint8Array
        ? hex(value)
        : value instanceof Map
          ? [...value].sort(([a], [b]) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string)))
          : value;
    return { type, value: json, bytes: hex(writer.out.subarray(0, writer.at)) };
  }),
  refused: REFUSED.map(([name, type, bytes]) => ({ name, type, bytes, reason: refusalOf(type, Buffer.from(bytes, 'hex')) })),
  fingerprints: ['int', 'string', { type: 'record', name: 'foo', namespace: 'x.y', fields: [] }].map((schema) => {
    const form = parsingCanonicalForm(schema);
    return { schema, form, fingerprint: hex(crc64Avro(form)) };
  }),
});
