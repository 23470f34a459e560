/** Made-up events for tests: plausible ones, the smallest and the largest. */
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { type ActorSection, type AuditEvent, currentEventSchema, EVENT_BYTES_MAX, type ObjectSection } from '@sealtrail/wire';

/** Bytes that follow from the seed: SHA-256 over it and a counter. */
export function seededBytes(seed: string): (bytes: number) => Uint8Array {
  const sha256 = nodeSha256();
  const prefix = new TextEncoder().encode(`${seed} `);
  let block = 0;
  return (bytes) => {
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 32) {
      const input = new Uint8Array(prefix.length + 6);
      input.set(prefix);
      new DataView(input.buffer).setUint32(prefix.length, block++);
      out.set(sha256.digest(input).subarray(0, bytes - at), at);
    }
    return out;
  };
}

const ACTIONS = ['invoice.read', 'invoice.delete', 'invoice.approve', 'user.invite', 'session.open', 'export.start'] as const;
const OUTCOMES = ['SUCCESS', 'SUCCESS', 'SUCCESS', 'FAILURE', 'DENIED', 'ERROR'] as const;
const SEVERITIES = ['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
const NAMES = ['ada', 'grace', 'józef', '王芳', 'o’neil', 'emoji-😀'] as const;
/** 2024-05-01T12:00:00Z in µs. */
const FIRST_OCCURRED_AT = 1_714_564_800_000_000;

/** One plausible event: most fields filled, some null, some text beyond ASCII. */
export function sampleEvent(random: (bytes: number) => Uint8Array): AuditEvent {
  const dice = random(48);
  const pick = <T>(at: number, from: readonly T[]): T => from[(dice[at] as number) % from.length] as T;
  const maybe = <T>(at: number, value: T): T | null => ((dice[at] as number) % 4 === 0 ? null : value);
  const number = (at: number): number => new DataView(dice.buffer).getUint32(at);
  const action = pick(0, ACTIONS);
  const name = pick(1, NAMES);
  const occurredAt = FIRST_OCCURRED_AT + number(4);
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff, 10, 0, ...dice.subarray(8, 10)], 10);
  return {
    actor_salt: random(16),
    actor_type: pick(2, ['USER', 'USER', 'USER', 'SERVICE', 'SYSTEM', 'ANONYMOUS'] as const),
    actor_id: `${name}-${number(12) % 50}`,
    actor_issuer: maybe(16, 'https://id.example/'),
    actor_client_id: maybe(17, 'console'),
    actor_roles: pick(18, [[], ['admin'], ['auditor', 'clerk']]),
    actor_scopes: pick(19, [[], ['invoices:write', 'invoices:read']]),
    actor_chain: pick(20, [[], [{ issuer: null, subject: 'robot' }], [{ issuer: 'https://id.example/', subject: name }]]),
    token_status: pick(21, ['VERIFIED', 'VERIFIED', 'INVALID', 'ABSENT'] as const),
    token_id_hash: maybe(22, random(32)),
    session_id_hash: maybe(23, random(32)),
    token_key_id: maybe(24, 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'),
    token_algorithm: maybe(25, 'EdDSA'),
    token_issued_at: maybe(26, Math.floor(occurredAt / 1000) - 60_000),
    token_expires_at: maybe(27, Math.floor(occurredAt / 1000) + 240_000),
    source_ip: maybe(28, dice[29] === 0 ? random(16) : mapped),
    user_agent: maybe(30, 'Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0'),
    object_salt: random(16),
    resource_id: `inv_${number(32)}`,
    related: pick(36, [[], [{ type: 'customer', id: `cus_${number(12) % 900}` }]]),
    attributes: new Map(
      pick(37, [
        [],
        [['amount', `${number(38) % 100_000}`]],
        [
          ['currency', 'EUR'],
          ['ß', ''],
          ['amount', '1'],
        ],
      ]),
    ),
    event_id: random(16),
    occurred_at: occurredAt,
    action,
    resource_type: action.slice(0, action.indexOf('.')),
    outcome: pick(42, OUTCOMES),
    reason: maybe(43, 'not_owner'),
    severity: pick(44, SEVERITIES),
    http_method: maybe(45, 'DELETE'),
    http_route: maybe(45, '/invoices/:id'),
    http_status: maybe(45, 204),
    trace_id: maybe(46, random(16)),
    redactions: (dice[47] as number) % 3,
    personal: pick(47, [[], [], [random(32)], [random(32), random(32)]]),
  };
}

/** The event with least in it: every field at its type's default. */
export const smallestEvent = (): AuditEvent => ({
  ...ERASED_ACTOR,
  ...ERASED_OBJECT,
  event_id: new Uint8Array(16),
  occurred_at: 0,
  action: '',
  resource_type: '',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'INFORMATIONAL',
  http_method: null,
  http_route: null,
  http_status: null,
  trace_id: null,
  redactions: 0,
  personal: [],
});

/** What the columns of an erased actor section hold: the defaults of their types. */
export const ERASED_ACTOR: ActorSection & Pick<AuditEvent, 'actor_salt'> = {
  actor_salt: new Uint8Array(16),
  actor_type: 'USER',
  actor_id: '',
  actor_issuer: null,
  actor_client_id: null,
  actor_roles: [],
  actor_scopes: [],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: null,
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: null,
  token_issued_at: null,
  token_expires_at: null,
  source_ip: null,
  user_agent: null,
};

/** What the columns of an erased object section hold. */
export const ERASED_OBJECT: ObjectSection & Pick<AuditEvent, 'object_salt'> = {
  object_salt: new Uint8Array(16),
  resource_id: '',
  related: [],
  attributes: new Map<string, string>(),
};

/** An event of exactly the largest size that is allowed. */
export function largestEvent(): AuditEvent {
  // Its length takes as many bytes as that of the text that is wanted.
  const first = 20_000;
  const used = currentEventSchema().encode(eventOfLength(first), new Uint8Array(EVENT_BYTES_MAX), 0);
  return eventOfLength(first + EVENT_BYTES_MAX - used);
}

const eventOfLength = (length: number): AuditEvent => ({ ...smallestEvent(), user_agent: '😀'.repeat(1000) + 'x'.repeat(length) });
