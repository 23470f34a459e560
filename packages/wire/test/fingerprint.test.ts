import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { crc64Avro, parsingCanonicalForm } from '../src/avro/canonical.ts';
import { currentEventSchema, parseHeader } from '../src/index.ts';
import { publishedSchema } from './reference.ts';
import { sampleBatch, sampleEvent } from './sample.ts';

/** Input, canonical form and fingerprint of Avro's own test data (share/test/data/schema-tests.txt). */
const VECTORS: readonly (readonly [unknown, string, bigint])[] = [
  ['null', '"null"', 7195948357588979594n],
  [{ type: 'null' }, '"null"', 7195948357588979594n],
  ['boolean', '"boolean"', -6970731678124411036n],
  ['int', '"int"', 8247732601305521295n],
  [{ type: 'int' }, '"int"', 8247732601305521295n],
  ['long', '"long"', -3434872931120570953n],
  ['float', '"float"', 5583340709985441680n],
  ['double', '"double"', -8181574048448539266n],
  ['bytes', '"bytes"', 5746618253357095269n],
  ['string', '"string"', -8142146995180207161n],
  [[], '[]', -1241056759729112623n],
  [['int'], '["int"]', -5232228896498058493n],
  [['int', { type: 'boolean' }], '["int","boolean"]', 5392556393470105090n],
  [{ fields: [], type: 'record', name: 'foo' }, '{"name":"foo","type":"record","fields":[]}', -4824392279771201922n],
  [{ fields: [], type: 'record', name: 'foo', namespace: 'x.y' }, '{"name":"x.y.foo","type":"record","fields":[]}', 5916914534497305771n],
  [
    { fields: [], type: 'record', name: 'a.b.foo', namespace: 'x.y' },
    '{"name":"a.b.foo","type":"record","fields":[]}',
    -4616218487480524110n,
  ],
  [
    { fields: [], type: 'record', name: 'foo', doc: 'foo', aliases: ['foo', 'bar'] },
    '{"name":"foo","type":"record","fields":[]}',
    -4824392279771201922n,
  ],
  [
    { fields: [{ type: { type: 'boolean' }, name: 'f1' }], type: 'record', name: 'foo' },
    '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}',
    7843277075252814651n,
  ],
  [
    {
      fields: [
        { type: 'boolean', aliases: [], name: 'f1', default: true },
        { order: 'descending', name: 'f2', doc: 'Hello', type: 'int' },
      ],
      type: 'record',
      name: 'foo',
    },
    '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}',
    -4860222112080293046n,
  ],
  [{ type: 'enum', name: 'foo', symbols: ['A1'] }, '{"name":"foo","type":"enum","symbols":["A1"]}', -6342190197741309591n],
  [
    { namespace: 'x.y.z', type: 'enum', name: 'foo', doc: 'foo bar', symbols: ['A1', 'A2'] },
    '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}',
    -4448647247586288245n,
  ],
  [{ name: 'foo', type: 'fixed', size: 15 }, '{"name":"foo","type":"fixed","size":15}', 1756455273707447556n],
  [
    { namespace: 'x.y.z', type: 'fixed', name: 'foo', doc: 'foo bar', size: 32 },
    '{"name":"x.y.z.foo","type":"fixed","size":32}',
    -3064184465700546786n,
  ],
  [{ items: { type: 'null' }, type: 'array' }, '{"type":"array","items":"null"}', -589620603366471059n],
  [{ values: 'string', type: 'map' }, '{"type":"map","values":"string"}', -8732877298790414990n],
  [
    { name: 'PigValue', type: 'record', fields: [{ name: 'value', type: ['null', 'int', 'long', 'PigValue'] }] },
    '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
    -1759257747318642341n,
  ],
];

describe('the fingerprint of a schema', () => {
  it.each(VECTORS)('%j', (schema, form, fingerprint) => {
    expect(parsingCanonicalForm(schema)).toBe(form);
    const expected = Buffer.alloc(8);
    expected.writeBigInt64LE(fingerprint);
    expect(Buffer.from(crc64Avro(form)).toString('hex')).toBe(expected.toString('hex'));
  });

  it('frames "int" as the Avro specification’s single-object encoding does', () =>
    expect(Buffer.from(crc64Avro('"int"')).toString('hex')).toBe('8f5c393f1ad57572'));

  it('is that of the published EventBatch, in every record', () => {
    const form = parsingCanonicalForm(publishedSchema('event-batch'));
    const { record } = sampleBatch(nodeSha256(), [sampleEvent()]);
    expect(Buffer.from(record.subarray(0, 10)).toString('hex')).toBe(`c301${Buffer.from(crc64Avro(form)).toString('hex')}`);
    expect(currentEventSchema().batch_fingerprint).toEqual(crc64Avro(form));
    expect(parseHeader(record, nodeSha256()).kind).toBe('header');
  });

  it('is taken of a form that another reader of Avro understands as the same type', () => {
    const form = JSON.parse(parsingCanonicalForm(publishedSchema('event-batch'))) as avro.Schema;
    const ours = avro.Type.forSchema(form, { wrapUnions: false });
    const published = avro.Type.forSchema(publishedSchema('event-batch') as avro.Schema, { wrapUnions: false });
    expect(ours.schema()).toEqual(published.schema());
  });
});
