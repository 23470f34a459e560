import { type AlertRecord, alertCodec, WireError } from '@sealtrail/wire';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { crc64Avro, parsingCanonicalForm } from '../../packages/wire/src/avro/canonical.ts';
import { encodeWithAvsc, forAvsc, publishedSchema } from '../../packages/wire/test/reference.ts';
import { avroType, bytes, valueOf, vectors } from './independent.ts';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const json = publishedSchema('alert');

describe('alert.json', () => {
  const { alerts } = vectors('alert') as {
    readonly alerts: readonly { readonly name: string; readonly value: unknown; readonly bytes: string; readonly record: string }[];
  };

  it.each(alerts)('$name: avsc writes and reads it', ({ value, bytes: text }) => {
    const typed = valueOf(json, value);
    expect(hex(encodeWithAvsc(avroType(json), typed))).toBe(text);
    expect(JSON.stringify(avroType(json).fromBuffer(bytes(text)))).toBe(JSON.stringify(avroType(json).clone(forAvsc(typed))));
  });

  it.each(alerts)('$name: the code writes and reads it', ({ value, bytes: text, record }) => {
    const alert = valueOf(json, value) as AlertRecord;
    expect(hex(alertCodec().encode(alert))).toBe(text);
    expect(hex(alertCodec().encode(alertCodec().decode(bytes(text))))).toBe(text);
    expect(hex(alertCodec().encodeFramed(alert))).toBe(record);
    expect(hex(alertCodec().encode(alertCodec().decodeFramed(bytes(record))))).toBe(text);
  });

  it.each(alerts)('$name: its record is single-object encoding', ({ bytes: text, record }) => {
    expect(record).toBe(`c301${hex(crc64Avro(parsingCanonicalForm(json)))}${text}`);
    // avsc reads the same schema out of the form that the fingerprint is of.
    expect(avro.Type.forSchema(JSON.parse(parsingCanonicalForm(json)) as avro.Schema).fromBuffer(bytes(record).subarray(10))).toBeTruthy();
  });
});

describe('an alert', () => {
  const { alerts } = vectors('alert') as { readonly alerts: readonly { readonly name: string; readonly record: string }[] };
  const record = bytes(alerts.find(({ name }) => name === 'everything there')?.record ?? '');
  const alert = alertCodec().decodeFramed(record);
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof WireError) return error.code;
      throw error;
    }
    return 'none';
  };

  it('of another schema, or in no frame, is refused', () => {
    const other = Buffer.from(record);
    other[5] = (other[5] as number) ^ 1;
    expect(code(() => alertCodec().decodeFramed(other))).toBe('unknown_schema');
    for (const cut of [0, 1, 2, 9])
      expect(
        code(() => alertCodec().decodeFramed(record.subarray(0, cut))),
        `${cut} bytes`,
      ).toBe('not_canonical');
    expect(code(() => alertCodec().decodeFramed(record.subarray(10)))).toBe('not_canonical');
    expect(code(() => alertCodec().decodeFramed(record.subarray(0, record.length - 1)))).toBe('not_canonical');
    expect(code(() => alertCodec().decodeFramed(Buffer.concat([record, Buffer.of(0)])))).toBe('not_canonical');
  });

  it('names 1,000 events and no more, and counts at least those', () => {
    const [one] = alert.evidence;
    const many = (length: number): AlertRecord => ({
      ...alert,
      events_count: 1_200,
      evidence: Array.from({ length }, () => one as NonNullable<typeof one>),
    });
    const room = alertCodec().encode(many(1_000));
    expect(alertCodec().decode(room).evidence.length).toBe(1_000);
    expect(code(() => alertCodec().encode(many(1_001)))).toBe('not_encodable');
    expect(code(() => alertCodec().decode(encodeWithAvsc(avroType(json), many(1_001))))).toBe('not_canonical');
    for (const wrong of [{ events_count: 1 }, { last_seen: alert.first_seen - 1 }]) {
      expect(code(() => alertCodec().encode({ ...alert, ...wrong }))).toBe('not_encodable');
      expect(code(() => alertCodec().decode(encodeWithAvsc(avroType(json), { ...alert, ...wrong })))).toBe('not_canonical');
    }
  });

  it('has no value that is not a number', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -0, '1', undefined])
      expect(code(() => alertCodec().encode({ ...alert, value } as AlertRecord))).toBe('not_encodable');
    for (const late of [0, null, 'true']) expect(code(() => alertCodec().encode({ ...alert, late } as never))).toBe('not_encodable');
  });
});
