/**
 * CPU an event of the codec and of what the ledger does with each event, beside avsc:
 * node scripts/run.mjs bench/src/codec.ts
 */
import { readFileSync } from 'node:fs';
import { rootOfLeaves } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import {
  type AuditEvent,
  assembleBatch,
  type BatchHeader,
  batchSigningInput,
  currentEventSchema,
  encodeHeader,
  hashEventLeaves,
  keyThumbprint,
  parseHeader,
  verifyBatchSignature,
  type WalkFault,
  walkBatch,
} from '@sealtrail/wire';
import avro from 'avsc';

/** Median of the rounds, in µs of CPU an event. */
export interface CodecRow {
  readonly stage: string;
  readonly us_per_event: number;
  readonly us_per_event_best: number;
}

export interface CodecResult {
  readonly event_bytes: number;
  readonly section_bytes: { readonly actor: number; readonly object: number; readonly rest: number };
  readonly batch_events: number;
  readonly rows: readonly CodecRow[];
}

const BATCH_EVENTS = 256;
const ROUNDS = 9;
const ROUND_MS = 120;

const filled = (size: number, value: number): Buffer => Buffer.alloc(size, value);

/** An event of a web request by a person, of the size that the design was measured with. */
const typicalEvent = (number: number): AuditEvent => ({
  actor_salt: filled(16, 1 + (number % 250)),
  actor_type: 'USER',
  actor_id: `auth0|5f7c8ec7c33c6c004bb${String(number).padStart(5, '0')}`,
  actor_issuer: 'https://login.example.com/',
  actor_client_id: 'web-frontend',
  actor_roles: ['billing-admin', 'support'],
  actor_scopes: ['invoices:read', 'invoices:write'],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: filled(32, 2),
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: 'RS256',
  token_issued_at: 1_735_689_600_000,
  token_expires_at: 1_735_693_200_000,
  source_ip: filled(16, 3),
  user_agent: 'Firefox/128.0 (X11; Linux)',
  object_salt: filled(16, 4),
  resource_id: `inv_01HZX3V9${String(number).padStart(6, '0')}`,
  related: [{ type: 'customer', id: 'cus_9s6XKzkNRiz8i3' }],
  attributes: new Map([
    ['amount', '129.90'],
    ['currency', 'EUR'],
    ['note', 'duplicate of 0811'],
  ]),
  event_id: filled(16, 5),
  occurred_at: 1_735_689_600_123_456 + number,
  action: 'invoice.delete',
  resource_type: 'invoice',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'MEDIUM',
  http_method: 'DELETE',
  http_route: '/v1/invoices/:id',
  http_status: 204,
  trace_id: filled(16, 6),
  redactions: 0,
  personal: [],
});

/** CPU of `run`, which does `events` events a call. */
function measure(stage: string, events: number, run: () => void): CodecRow {
  const until = (limit_ms: number): number => {
    const from = process.cpuUsage();
    let calls = 0;
    for (;;) {
      run();
      calls++;
      // The clock is asked seldom: a call to it costs as much as encoding an event.
      if (calls % 32 !== 0) continue;
      const spent = process.cpuUsage(from);
      const us = spent.user + spent.system;
      if (us >= limit_ms * 1_000) return us / (calls * events);
    }
  };
  until(ROUND_MS * 2);
  const rounds = Array.from({ length: ROUNDS }, () => until(ROUND_MS)).sort((a, b) => a - b);
  return { stage, us_per_event: rounds[ROUNDS >> 1] as number, us_per_event_best: rounds[0] as number };
}

export function benchCodec(): CodecResult {
  const schema = currentEventSchema();
  const sha256 = nodeSha256();
  const verify = ed25519Verify();
  const seed = filled(32, 7);
  const publicKey = ed25519PublicKey(seed);
  const keyId = keyThumbprint(sha256, publicKey);
  const sign = ed25519Signer(seed);
  const events = Array.from({ length: BATCH_EVENTS }, (_, i) => typicalEvent(i));
  const out = Buffer.alloc(1 << 20);
  const ends = new Uint32Array(3 * BATCH_EVENTS);
  const leaves = Buffer.alloc(32 * BATCH_EVENTS);
  const fault: WalkFault = { reason: 'malformed', detail: '' };

  const encodeAll = (): number => {
    let at = 0;
    for (let i = 0; i < BATCH_EVENTS; i++) at = schema.encode(events[i] as AuditEvent, out, at);
    return at;
  };
  const size = encodeAll();
  const walkAll = (): void => {
    let at = 0;
    for (let i = 0; i < BATCH_EVENTS; i++) at = schema.walk(out, at, size, ends, 3 * i, fault);
    if (at !== size) throw new Error(fault.detail);
  };
  walkAll();
  hashEventLeaves(sha256, out, 0, BATCH_EVENTS, ends, leaves);
  const header: BatchHeader = {
    version: 1,
    suite: 1,
    audience: 'bench',
    tenant: 'acme',
    producer: 'billing',
    key_id: keyId,
    instance: filled(16, 8),
    started_at: 1_735_689_600_000,
    delivery: 'ROUTINE',
    sequence: 41,
    kind: 'DATA',
    shed: 0,
    predecessor: null,
    event_schema: schema.sha256,
    count: BATCH_EVENTS,
    root: rootOfLeaves(sha256, leaves, BATCH_EVENTS),
    confidential_digest: null,
  };
  const headerBytes = encodeHeader(header);
  const signature = sign(batchSigningInput(keyId, headerBytes));
  const record = assembleBatch(headerBytes, signature, BATCH_EVENTS, out.subarray(0, size), schema);
  const decodeAll = (): void => {
    let start = 0;
    for (let i = 0; i < BATCH_EVENTS; i++) {
      const end = ends[3 * i + 2] as number;
      schema.decode(out, start, end);
      start = end;
    }
  };

  const text = readFileSync(new URL('../../schemas/audit-event.avsc', import.meta.url), 'utf8');
  const type = avro.Type.forSchema(JSON.parse(text) as avro.Schema, { wrapUnions: false });
  const plain = events.map((event) => ({ ...event, attributes: Object.fromEntries(event.attributes) }));
  const first = ends[0] as number;
  const objectEnd = ends[1] as number;
  const rows = [
    measure('encode', BATCH_EVENTS, encodeAll),
    measure('encode, avsc into a buffer', BATCH_EVENTS, () => {
      let at = 0;
      for (let i = 0; i < BATCH_EVENTS; i++) at = type.encode(plain[i], out, at);
    }),
    measure('encode, avsc toBuffer', BATCH_EVENTS, () => {
      for (let i = 0; i < BATCH_EVENTS; i++) type.toBuffer(plain[i]);
    }),
    measure('walk', BATCH_EVENTS, walkAll),
    measure('decode', BATCH_EVENTS, decodeAll),
    measure('decode, avsc', BATCH_EVENTS, () => {
      let at = 0;
      for (let i = 0; i < BATCH_EVENTS; i++) at = type.decode(out, at).offset;
    }),
    measure('leaf', BATCH_EVENTS, () => hashEventLeaves(sha256, out, 0, BATCH_EVENTS, ends, leaves)),
    measure('root', BATCH_EVENTS, () => void rootOfLeaves(sha256, leaves, BATCH_EVENTS)),
    measure('header and signature', BATCH_EVENTS, () => {
      const parsed = parseHeader(record, sha256);
      if (parsed.kind !== 'header' || !verifyBatchSignature(verify, publicKey, keyId, parsed.header_bytes, parsed.signature))
        throw new Error('the batch of the benchmark is not sound');
    }),
    measure('whole record: header, signature, walk, leaves, root', BATCH_EVENTS, () => {
      const parsed = parseHeader(record, sha256);
      if (parsed.kind !== 'header' || !verifyBatchSignature(verify, publicKey, keyId, parsed.header_bytes, parsed.signature))
        throw new Error('the batch of the benchmark is not sound');
      if (walkBatch(parsed, sha256).kind !== 'batch') throw new Error('the batch of the benchmark is not sound');
    }),
  ];
  return {
    event_bytes: first + (ends[2] as number) - first,
    section_bytes: { actor: first, object: objectEnd - first, rest: (ends[2] as number) - objectEnd },
    batch_events: BATCH_EVENTS,
    rows,
  };
}

if (process.argv[1]?.endsWith('codec.ts')) {
  const result = benchCodec();
  const { actor, object, rest } = result.section_bytes;
  console.log(`event ${result.event_bytes} B (actor ${actor}, object ${object}, rest ${rest}), batches of ${result.batch_events}`);
  console.log('CPU µs an event, median (best) of the rounds');
  for (const row of result.rows)
    console.log(`${row.stage.padEnd(54)} ${row.us_per_event.toFixed(2)} (${row.us_per_event_best.toFixed(2)})`);
}
