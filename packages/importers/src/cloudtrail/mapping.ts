import { type EventToSign, parseAddress } from '@sealtrail/emitter';
import type { Sha256 } from '@sealtrail/merkle';
import { currentEventSchema, EVENT_BYTES_MAX, type Target, WireError } from '@sealtrail/wire';
import { actionOf, serviceOf } from './action.ts';
import { attributesOf, ENVELOPE, SOURCE_SERVICE } from './attributes.ts';
import { actorOf, credentialOf, instantMs } from './identity.ts';
import { isObject, type JsonObject, textAt } from './json.ts';
import { createRecordMaskers, type RecordMasker } from './masking.ts';
import { outcomeOf, severityOf } from './outcome.ts';
import { targetsOf } from './resources.ts';

/** What became of one CloudTrail record. `bytes`: the event's encoded size. `reason`: a phrase, without values of the record. */
export type CloudTrailMapping =
  | { readonly kind: 'event'; readonly event: EventToSign; readonly bytes: number }
  | { readonly kind: 'rejected'; readonly reason: string };

/** Maps a parsed CloudTrail record to an event. The same record always gives the same event. */
export type CloudTrailMapper = (record: unknown) => CloudTrailMapping;

const TEXT_CHARS_MAX = 512;
const TYPE_CHARS_MAX = 128;
const RELATED_MAX = 32;
const SHRUNK_CHARS = [1_024, 256, 64] as const;
const DROPPED_NAME = 'sealtrail.dropped';
const NO_SALT = new Uint8Array(16);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A mapper. It masks what looks like a secret as the emitter does, and shrinks events above 32 KiB. docs/importing-cloudtrail.md */
export function createCloudTrailMapper(sha256: Sha256): CloudTrailMapper {
  const maskerOfRecord = createRecordMaskers();
  const scratch = new Uint8Array(EVENT_BYTES_MAX);
  return (record) => {
    if (!isObject(record)) return { kind: 'rejected', reason: 'it is not a JSON object' };
    const event_id = eventIdOf(record);
    if (event_id === null) return { kind: 'rejected', reason: 'it has no eventID that is a UUID' };
    const occurred_ms = instantMs(textAt(record, 'eventTime') ?? '');
    if (occurred_ms === null) return { kind: 'rejected', reason: 'it has no eventTime as in 2023-07-10T11:42:18Z' };
    const action = actionOf(record);
    if (action === null) return { kind: 'rejected', reason: 'it has no eventSource and eventName' };
    const masker = maskerOfRecord();
    const event = buildEvent(record, { event_id, occurred_at: occurred_ms * 1_000, action }, masker, sha256);
    return fitted(event, masker, scratch);
  };
}

/** The 16 bytes of `eventID`; null when it is not a UUID. */
export function eventIdOf(record: unknown): Uint8Array | null {
  const id = isObject(record) ? textAt(record, 'eventID') : null;
  return id !== null && UUID.test(id) ? Uint8Array.from(Buffer.from(id.replaceAll('-', ''), 'hex')) : null;
}

type Known = Pick<EventToSign, 'event_id' | 'occurred_at' | 'action'>;

function buildEvent(record: JsonObject, known: Known, masker: RecordMasker, sha256: Sha256): EventToSign {
  const actor = actorOf(record);
  const { outcome, reason } = outcomeOf(record);
  const targets = targetsOf(record);
  const [target, ...others] = targets;
  const address = textAt(record, 'sourceIPAddress');
  const source_ip = address === null ? null : parseAddress(address);
  const flattened = attributesOf(record);
  const attributes =
    source_ip !== null || address === null
      ? flattened
      : { ...flattened, attributes: { [SOURCE_SERVICE]: address, ...flattened.attributes } };
  if (others.length > RELATED_MAX) masker.dropped('related');
  const event = {
    ...credentialOf(record, sha256),
    actor_type: actor.actor_type,
    actor_id: masker.text('actor_id', actor.actor_id, 'actor', TEXT_CHARS_MAX),
    actor_issuer: masker.textOrNull('actor_issuer', actor.actor_issuer, 'actor', TEXT_CHARS_MAX),
    actor_client_id: null,
    actor_roles: actor.actor_roles.map((role) => masker.text('actor_roles', role, 'actor', TEXT_CHARS_MAX)),
    actor_scopes: [],
    actor_chain: actor.actor_chain.map(({ issuer, subject }) => ({
      issuer: masker.textOrNull('actor_chain', issuer, 'actor', TEXT_CHARS_MAX),
      subject: masker.text('actor_chain', subject, 'actor', TEXT_CHARS_MAX),
    })),
    token_status: 'ABSENT' as const,
    token_key_id: null,
    token_algorithm: null,
    token_expires_at: null,
    source_ip,
    user_agent: masker.textOrNull('user_agent', textAt(record, 'userAgent'), 'free', TEXT_CHARS_MAX),
    resource_id: target === undefined ? '' : masker.text('resource_id', target.id, 'id', TEXT_CHARS_MAX),
    related: others.slice(0, RELATED_MAX).map((other) => maskedTarget(other, masker)),
    attributes: masker.attributes(attributes, new Set(targets.map(({ id }) => id))),
    event_id: known.event_id,
    occurred_at: known.occurred_at,
    action: masker.text('action', known.action, 'free', TYPE_CHARS_MAX),
    resource_type: masker.text('resource_type', target?.type ?? serviceOf(record) ?? '', 'free', TYPE_CHARS_MAX),
    outcome,
    reason: masker.textOrNull('reason', reason, 'free', TEXT_CHARS_MAX),
    severity: severityOf(record, outcome),
    http_method: null,
    http_route: null,
    http_status: null,
    trace_id: null,
    personal: [],
  };
  return { ...event, redactions: masker.redactions };
}

const maskedTarget = (target: Target, masker: RecordMasker): Target => ({
  type: masker.text('related.type', target.type, 'free', TYPE_CHARS_MAX),
  id: masker.text('related.id', target.id, 'id', TEXT_CHARS_MAX),
});

/** The event, smaller step by step until it fits into 32 KiB: shorter values, then no more than the facts about the call. */
function fitted(event: EventToSign, masker: RecordMasker, scratch: Uint8Array): CloudTrailMapping {
  let smaller = event;
  for (let step = 0; step <= SHRUNK_CHARS.length + 1; step++) {
    const bytes = encodedBytes(smaller, scratch);
    if (bytes === 'not_encodable') return { kind: 'rejected', reason: 'it holds a value that an event cannot carry' };
    if (bytes !== 'too_large') return { kind: 'event', event: smaller, bytes };
    smaller = shrunk(smaller, step, masker);
  }
  return { kind: 'rejected', reason: 'it does not fit into an event' };
}

function shrunk(event: EventToSign, step: number, masker: RecordMasker): EventToSign {
  const chars = SHRUNK_CHARS[step];
  if (chars !== undefined) {
    const attributes = masker.shorten(event.attributes, chars);
    return { ...event, attributes, redactions: masker.redactions };
  }
  masker.dropped('attributes');
  const kept = new Map([...event.attributes].filter(([name]) => ENVELOPE.includes(name)));
  kept.set(DROPPED_NAME, 'attributes related');
  return { ...event, attributes: kept, related: [], redactions: masker.redactions };
}

function encodedBytes(event: EventToSign, scratch: Uint8Array): number | 'too_large' | 'not_encodable' {
  try {
    return currentEventSchema().encode({ ...event, actor_salt: NO_SALT, object_salt: NO_SALT }, scratch, 0);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code === 'event_too_large' ? 'too_large' : 'not_encodable';
  }
}
