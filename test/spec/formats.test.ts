import { readFileSync } from 'node:fs';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import {
  currentEventSchema,
  duplicateCodec,
  headCodec,
  keyRecordCodec,
  logId,
  manifestCodec,
  type RecordCodec,
  rejectionCodec,
  roundCodec,
} from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { crc64Avro, parsingCanonicalForm } from '../../packages/wire/src/avro/canonical.ts';
import { compileSchema } from '../../packages/wire/src/avro/plan.ts';
import { Fault, Reader } from '../../packages/wire/src/avro/reader.ts';
import { Writer } from '../../packages/wire/src/avro/writer.ts';
import { encodeWithAvsc, forAvsc, publishedSchema } from '../../packages/wire/test/reference.ts';
import { specVectors } from '../../scripts/spec-vectors.ts';
import { avroType, bigLong, bytes, leafOf, sha256, treeRoot, valueOf, vectors } from './independent.ts';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const named =
  (name: string): ((one: { readonly name: string }) => boolean) =>
  (one) =>
    one.name === name;

it('the example files are those that the code writes', () => {
  for (const [file, text] of Object.entries(specVectors())) {
    const stored = readFileSync(new URL(`../../docs/spec/vectors/${file}`, import.meta.url), 'utf8');
    expect(stored === text, `${file}: node scripts/run.mjs scripts/spec-vectors.ts`).toBe(true);
  }
});

describe('canonical-avro.json', () => {
  interface Encoded {
    readonly type: unknown;
    readonly value: unknown;
    readonly bytes: string;
  }
  const { values, refused, fingerprints } = vectors('canonical-avro') as {
    readonly values: readonly Encoded[];
    readonly refused: readonly { readonly name: string; readonly type: unknown; readonly bytes: string; readonly reason: string }[];
    readonly fingerprints: readonly { readonly schema: unknown; readonly form: string; readonly fingerprint: string }[];
  };
  it.each(values)('$type $value is $bytes', (one) => {
    const value = valueOf(one.type, one.value);
    if (one.type === 'long') {
      expect(hex(bigLong.toBuffer(BigInt(value as number)))).toBe(one.bytes);
      expect(bigLong.fromBuffer(bytes(one.bytes))).toBe(BigInt(value as number));
    } else {
      expect(hex(encodeWithAvsc(avroType(one.type), value))).toBe(one.bytes);
      expect(JSON.stringify(avroType(one.type).fromBuffer(bytes(one.bytes)))).toBe(JSON.stringify(forAvsc(value)));
    }
    const writer = new Writer(new Uint8Array(64), 0, 64);
    writer.write(compileSchema(one.type), value);
    expect(hex(writer.out.subarray(0, writer.at))).toBe(one.bytes);
    const reader = new Reader(bytes(one.bytes), 0, one.bytes.length / 2);
    const decoded = reader.read(compileSchema(one.type));
    expect(decoded).toEqual(value instanceof Buffer ? Uint8Array.from(value) : value);
  });
  it.each(refused)('$name ($bytes) is refused as $reason', ({ type, bytes: text, reason }) => {
    for (const method of ['skip', 'read'] as const) {
      const reader = new Reader(bytes(text), 0, text.length / 2);
      let fault: unknown;
      try {
        reader[method](compileSchema(type));
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
      expect(fault).toMatchObject({ reason });
    }
  });
  it.each(fingerprints)('$form has the fingerprint $fingerprint', ({ schema, form, fingerprint }) => {
    expect(parsingCanonicalForm(schema)).toBe(form);
    expect(hex(crc64Avro(form))).toBe(fingerprint);
  });
});

describe('event.json', () => {
  const { event_schema, events } = vectors('event') as {
    readonly event_schema: string;
    readonly events: readonly {
      readonly name: string;
      readonly event: unknown;
      readonly sections: Record<'actor' | 'object' | 'rest', string>;
      readonly actor_digest: string;
      readonly object_digest: string;
      readonly leaf: string;
    }[];
  };
  const json = publishedSchema('audit-event');
  const schema = currentEventSchema();

  it('names the schema by the SHA-256 of its file', () => {
    expect(sha256(readFileSync(new URL('../../schemas/audit-event.avsc', import.meta.url)))).toBe(event_schema);
    expect(hex(schema.sha256)).toBe(event_schema);
  });
  it.each(events)('$name: avsc writes its sections one after the other', ({ event, sections }) => {
    const value = valueOf(json, event);
    expect(hex(encodeWithAvsc(avroType(json), value))).toBe(sections.actor + sections.object + sections.rest);
    const read = avroType(json).fromBuffer(bytes(sections.actor + sections.object + sections.rest)) as unknown;
    expect(JSON.stringify(read)).toBe(JSON.stringify(avroType(json).clone(forAvsc(value))));
  });
  it.each(events)('$name: its digests and its leaf are SHA-256 over what the specification says', (one) => {
    expect(sha256('A', bytes(one.sections.actor))).toBe(one.actor_digest);
    expect(sha256('O', bytes(one.sections.object))).toBe(one.object_digest);
    expect(sha256(Buffer.of(0), 'E', Buffer.of(1), bytes(one.actor_digest), bytes(one.object_digest), bytes(one.sections.rest))).toBe(
      one.leaf,
    );
  });
  it.each(events)('$name: the code writes, walks and reads it', ({ event, sections }) => {
    const all = bytes(sections.actor + sections.object + sections.rest);
    const value = valueOf(json, event) as Parameters<typeof schema.encode>[0];
    const room = Buffer.alloc(4_096);
    const ends = new Uint32Array(3);
    expect(hex(room.subarray(0, schema.encodeWithEnds(value, room, 0, ends, 0)))).toBe(hex(all));
    const walked = new Uint32Array(3);
    expect(schema.walk(all, 0, all.length, walked, 0, { reason: 'malformed', detail: '' })).toBe(all.length);
    expect([...walked]).toEqual([...ends]);
    expect([...ends]).toEqual([sections.actor.length / 2, (sections.actor.length + sections.object.length) / 2, all.length]);
    expect(encodeWithAvsc(avroType(json), schema.decode(all, 0, all.length)).equals(all)).toBe(true);
  });
  it('orders attributes by the bytes of their keys', () => {
    const full = events.find(named('everything there')) as (typeof events)[number];
    expect((full.event as { attributes: [string, string][] }).attributes.map(([key]) => key)).toEqual([
      'amount',
      'betrag',
      '\uffff',
      '\u{10000}',
    ]);
  });
});

describe('small records', () => {
  interface Small {
    readonly value: unknown;
    readonly bytes: string;
    readonly leaf: string;
  }
  const check = <T>(schemaName: string, codec: RecordCodec<T>, letter: string, { value, bytes: text, leaf }: Small): void => {
    const json = publishedSchema(schemaName);
    const typed = valueOf(json, value);
    expect(hex(encodeWithAvsc(avroType(json), typed))).toBe(text);
    expect(leafOf(letter, text)).toBe(leaf);
    expect(hex(codec.encode(typed as T))).toBe(text);
    expect(hex(codec.encode(codec.decode(bytes(text))))).toBe(text);
    expect(hex(codec.leafHash(nodeSha256(), bytes(text)))).toBe(leaf);
    expect(codec.letter).toBe(letter);
  };

  it('manifest.json: logs, manifests, their chain and their tree', () => {
    const { logs } = vectors('manifest') as {
      readonly logs: readonly {
        readonly identity: unknown;
        readonly log: string;
        readonly size: number;
        readonly entries: number;
        readonly root: string;
        readonly manifests: readonly Small[];
      }[];
    };
    expect(logs.length).toBe(2);
    for (const { identity, log, size, entries, root, manifests } of logs) {
      const json = publishedSchema('log-identity');
      expect(sha256(encodeWithAvsc(avroType(json), valueOf(json, identity))).slice(0, 32)).toBe(log);
      expect(hex(logId(nodeSha256(), valueOf(json, identity) as Parameters<typeof logId>[1]))).toBe(log);
      let previous = '00'.repeat(32);
      let entry = 0;
      manifests.forEach((manifest, position) => {
        check('batch-manifest', manifestCodec(), 'M', manifest);
        expect(manifest.value).toMatchObject({ log, position, previous, first_entry: entry });
        previous = manifest.leaf;
        entry += (manifest.value as { header: { count: number } }).header.count;
      });
      expect([manifests.length, entry]).toEqual([size, entries]);
      expect(treeRoot(manifests.map(({ leaf }) => leaf))).toBe(root);
    }
  });

  it('round.json: heads, rejections, duplicates, rounds, and the roots that bind them', () => {
    interface Round {
      readonly heads: readonly Small[];
      readonly rejections: readonly Small[];
      readonly duplicates: readonly Small[];
      readonly round: Small;
    }
    const { rounds, records, operator_root } = vectors('round') as {
      readonly rounds: readonly Round[];
      readonly records: readonly { readonly value: string }[];
      readonly operator_root: string;
    };
    let previous = '00'.repeat(32);
    rounds.forEach(({ heads, rejections, duplicates, round }, index) => {
      for (const head of heads) check('log-head', headCodec(), 'H', head);
      for (const rejection of rejections) check('rejection', rejectionCodec(), 'J', rejection);
      for (const duplicate of duplicates) check('duplicate', duplicateCodec(), 'D', duplicate);
      check('round', roundCodec(), 'R', round);
      const value = round.value as { readonly to: number };
      expect(round.value).toMatchObject({
        index,
        previous,
        heads: heads.length,
        heads_root: treeRoot(heads.map(({ leaf }) => leaf)),
        rejected: rejections.length,
        rejected_root: treeRoot(rejections.map(({ leaf }) => leaf)),
        duplicates: duplicates.length,
        duplicates_root: treeRoot(duplicates.map(({ leaf }) => leaf)),
        record_hash: sha256(bytes((records[value.to - 1] as { value: string }).value)),
      });
      previous = round.leaf;
    });
    expect(treeRoot(rounds.map(({ round }) => round.leaf))).toBe(operator_root);
  });

  it('registry.json: key records and the root over them', () => {
    const { records, root_of_none } = vectors('registry') as {
      readonly records: readonly (Small & { readonly root_after: string })[];
      readonly root_of_none: string;
    };
    expect(treeRoot([])).toBe(root_of_none);
    records.forEach((record, i) => {
      expect(treeRoot(records.slice(0, i + 1).map(({ leaf }) => leaf))).toBe(record.root_after);
      if (record.value === null) {
        expect(leafOf('K', record.bytes)).toBe(record.leaf);
        expect(() => keyRecordCodec().decode(bytes(record.bytes))).toThrow();
      } else check('key-record', keyRecordCodec(), 'K', record);
    });
    expect(records.some(({ value }) => value === null)).toBe(true);
  });
});
