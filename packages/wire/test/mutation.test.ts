import { rootOfLeaves } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuditEvent,
  assembleBatch,
  currentEventSchema,
  decodeHeader,
  EVENT_BYTES_MAX,
  encodeHeader,
  hashEventLeaves,
  parseHeader,
  type WalkFault,
  WireError,
  walkBatch,
} from '../src/index.ts';
import { auditEvent, batchHeader } from './arbitraries.ts';
import { MUTATIONS, type Specimen } from './mutate.ts';
import { type NaiveReader, naiveReader } from './naive.ts';
import { createRandom, seedOfRun } from './random.ts';
import { encodeWithAvsc, publishedSchema, reference } from './reference.ts';

/** SOAK=1 looks twenty times as long; SEED=n looks at the same mutants again. */
const FACTOR = process.env['SOAK'] === '1' ? 20 : 1;
const EVENT_MUTANTS = 1_000_000 * FACTOR;
const BATCH_MUTANTS = 150_000 * FACTOR;

const schema = currentEventSchema();
const sha256 = nodeSha256();
const readEvent = naiveReader(publishedSchema('audit-event'));
const readBatch = naiveReader(publishedSchema('event-batch'));
const avscEvent = reference('audit-event');
const FRAMING_BYTES = 10;

const room = Buffer.alloc(2 * EVENT_BYTES_MAX);
const encoded = (event: AuditEvent): Uint8Array => Buffer.from(room.subarray(0, schema.encode(event, room, 0)));
const specimenOf = (read: NaiveReader, bytes: Uint8Array, from = 0): Specimen => {
  const reading = read(bytes, from);
  if (reading === null || reading.end !== bytes.length) throw new Error('a specimen must be canonical');
  return { bytes, reading };
};
/** avsc keeps maps as objects, which move such keys to the front, or lose them. */
const avscKeepsOrder = (event: AuditEvent): boolean => ![...event.attributes.keys()].some((key) => /^\d+$|^__proto__$/.test(key));

function specimens(seed: number): { readonly events: readonly Specimen[]; readonly batches: readonly Specimen[] } {
  const events = fc.sample(auditEvent, { seed, numRuns: 200 });
  const headers = fc.sample(batchHeader, { seed, numRuns: 60 });
  const random = createRandom(seed);
  const batches = headers.map((header) => {
    const chosen = header.kind === 'DATA' ? Array.from({ length: 1 + random.below(3) }, () => encoded(random.pick(events))) : [];
    return batchOf(header, chosen);
  });
  return {
    events: events.map((event) => specimenOf(readEvent, encoded(event))),
    batches: batches.map((bytes) => specimenOf(readBatch, bytes, FRAMING_BYTES)),
  };
}

/** A record with the root that its events have; events that do not walk get the root over none. */
function batchOf(header: Parameters<typeof encodeHeader>[0], events: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(events);
  const ends = new Uint32Array(3 * events.length);
  const leaves = new Uint8Array(32 * events.length);
  let at = 0;
  let walks = true;
  for (const [i, event] of events.entries()) {
    const end = schema.walk(bytes, at, at + event.length, ends, 3 * i, { reason: 'malformed', detail: '' });
    walks &&= end === at + event.length;
    at += event.length;
  }
  if (walks) hashEventLeaves(sha256, bytes, 0, events.length, ends, leaves);
  const root = rootOfLeaves(sha256, leaves, walks ? events.length : 0);
  const full = { ...header, event_schema: schema.sha256, count: events.length, root };
  return assembleBatch(encodeHeader(full), new Uint8Array(64).fill(0x5a), events.length, bytes, schema);
}

/** What holds for any bytes whatever. Returns whether they were accepted. */
function checkEvent(bytes: Uint8Array, ends: Uint32Array, fault: WalkFault, asksNaive: boolean): boolean {
  const walked = schema.walk(bytes, 0, bytes.length, ends, 0, fault);
  const accepted = walked === bytes.length;
  let event: AuditEvent;
  try {
    event = schema.decode(bytes, 0, bytes.length);
  } catch (error) {
    if (accepted || !(error instanceof WireError) || error.code !== 'not_canonical') throw error;
    if (walked >= 0 && walked > bytes.length) throw new Error('the walk went beyond the bytes', { cause: error });
    if (asksNaive && isCanonicalEvent(bytes)) throw new Error('refused, and the slow reading accepts it', { cause: error });
    return false;
  }
  if (!accepted) throw new Error('decoded, and the walk refuses it');
  if (asksNaive && !isCanonicalEvent(bytes)) throw new Error('accepted, and the slow reading refuses it');
  const again = new Uint32Array(3);
  const size = schema.encodeWithEnds(event, room, 0, again, 0);
  if (!room.subarray(0, size).equals(bytes)) throw new Error('decoded and encoded again, the bytes differ');
  for (let i = 0; i < 3; i++) if (again[i] !== ends[i]) throw new Error('walk and encoder find other sections');
  if (avscKeepsOrder(event)) {
    const value = avscEvent.fromBuffer(Buffer.from(bytes));
    if (!encodeWithAvsc(avscEvent, value).equals(bytes)) throw new Error('avsc reads and writes other bytes');
  }
  return true;
}
const isCanonicalEvent = (bytes: Uint8Array): boolean => bytes.length <= EVENT_BYTES_MAX && readEvent(bytes)?.end === bytes.length;

function checkBatch(bytes: Uint8Array): boolean {
  const parsed = parseHeader(bytes, sha256);
  const walked = parsed.kind === 'header' ? walkBatch(parsed, sha256) : parsed;
  if (walked.kind === 'refused') {
    if (walked.at < 0 || walked.at > bytes.length || walked.detail === '') throw new Error('a refusal without its place');
    return false;
  }
  if (readBatch(bytes, FRAMING_BYTES)?.end !== bytes.length) throw new Error('accepted, and the slow reading refuses it');
  const events: Uint8Array[] = [];
  let start = walked.first_event;
  for (let i = 0; i < walked.header.count; i++) {
    const end = walked.ends[3 * i + 2] as number;
    events.push(encoded(schema.decode(bytes, start, end)));
    start = end;
  }
  const header = encodeHeader(walked.header);
  if (!Buffer.from(encodeHeader(decodeHeader(walked.header_bytes))).equals(header))
    throw new Error('the header differs when encoded again');
  const again = assembleBatch(header, walked.signature, walked.header.count, Buffer.concat(events), schema);
  if (!Buffer.from(again).equals(bytes)) throw new Error('the record differs when encoded again');
  return true;
}

describe('mutated bytes', () => {
  // A refusal's stack is not looked at, and taking it is most of the cost of a refusal.
  const limit = Error.stackTraceLimit;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = limit;
  });
  const kinds = Object.keys(MUTATIONS);
  const seed = seedOfRun();
  const { events, batches } = specimens(seed);
  const failure = (kind: string, number: number, bytes: Uint8Array, error: unknown): Error =>
    new Error(`SEED=${seed}, mutant ${number} by ${kind}: ${(error as Error).message}\n${Buffer.from(bytes).toString('hex')}`, {
      cause: error,
    });

  it(`are refused as events, or are the canonical encoding of what they decode to (${EVENT_MUTANTS} mutants)`, {
    timeout: 3_600_000,
  }, () => {
    const random = createRandom(seed);
    const ends = new Uint32Array(3);
    const fault: WalkFault = { reason: 'malformed', detail: '' };
    const accepted = new Map(kinds.map((kind) => [kind, 0]));
    for (let i = 0; i < EVENT_MUTANTS; i++) {
      const kind = kinds[i % kinds.length] as string;
      const bytes = (MUTATIONS[kind] as (typeof MUTATIONS)[string])(random, random.pick(events), random.pick(events));
      try {
        if (checkEvent(bytes, ends, fault, i % 8 === 0)) accepted.set(kind, (accepted.get(kind) as number) + 1);
      } catch (error) {
        throw failure(kind, i, bytes, error);
      }
    }
    // The mutations do what they are for: these make something else of the bytes that Avro would still read.
    for (const kind of ['negativeBlock', 'twoBlocks', 'swapItems', 'lengthenNumber', 'truncate', 'append'])
      expect(accepted.get(kind), kind).toBeLessThan(EVENT_MUTANTS / kinds.length);
    expect(accepted.get('truncate')).toBe(0);
    expect(accepted.get('append')).toBe(0);
    expect(accepted.get('lengthenNumber')).toBe(0);
    for (const kind of ['flipBits', 'strangeText', 'strangeNumber', 'repeatItem', 'spliceAtTokens'])
      expect(accepted.get(kind), kind).toBeGreaterThan(0);
  });

  it(`are refused as records, or are the record that their header and events give (${BATCH_MUTANTS} mutants)`, {
    timeout: 3_600_000,
  }, () => {
    const random = createRandom(seed + 1);
    const headers = fc.sample(batchHeader, { seed, numRuns: 50 }).map((header) => ({ ...header, kind: 'DATA' as const }));
    let accepted = 0;
    let sealed = 0;
    for (let i = 0; i < BATCH_MUTANTS; i++) {
      const kind = kinds[i % kinds.length] as string;
      const mutate = MUTATIONS[kind] as (typeof MUTATIONS)[string];
      let bytes: Uint8Array;
      // Half of them are whole records; half are sound but for one event, with the root that belongs to it.
      if (i % 2 === 0) bytes = mutate(random, random.pick(batches), random.pick(batches));
      else {
        const event = mutate(random, random.pick(events), random.pick(events));
        bytes = batchOf(random.pick(headers), [random.pick(events).bytes, event]);
        const walks = isCanonicalEvent(event);
        const before = accepted;
        try {
          if (checkBatch(bytes)) accepted++;
        } catch (error) {
          throw failure(kind, i, bytes, error);
        }
        if (walks !== accepted > before)
          throw failure(kind, i, bytes, new Error(walks ? 'a sound event was refused' : 'an unsound event was accepted'));
        if (walks) sealed++;
        continue;
      }
      try {
        if (checkBatch(bytes)) accepted++;
      } catch (error) {
        throw failure(kind, i, bytes, error);
      }
    }
    expect(sealed).toBeGreaterThan(0);
    expect(accepted).toBeGreaterThan(sealed);
  });
});
