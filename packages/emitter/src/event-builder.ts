import { createPseudonyms, type TokenActor } from '@sealtrail/identity';
import type { AuditEvent, EncodedTokenFields, Outcome, Severity, Target, TokenFields } from '@sealtrail/wire';
import { parseAddress, truncateAddress } from './addresses.ts';
import type { AuditDetails } from './audit.ts';
import { type AuditContext, EMPTY_CONTEXT, outcomeOfStatus } from './context.ts';
import { EmitterError } from './errors.ts';
import type { EmitterOptions } from './options.ts';
import type { Redactor, Tally, TextKind } from './redaction/redactor.ts';
import { SCAN_CHARS_MAX } from './redaction/redactor.ts';
import { traceIdBytes } from './trace-context.ts';
import { createUuidV7 } from './uuid-v7.ts';

/** An event that still may change: its salts are drawn, and its status may be filled in, when it is encoded. */
export type OpenEvent = { -readonly [K in Exclude<keyof AuditEvent, keyof TokenFields>]: AuditEvent[K] } & {
  /** What its token decides. */
  actor: PreparedActor;
};

/** A token's actor with its texts masked; shared by its events. */
export interface PreparedActor {
  readonly section: TokenFields;
  readonly redactions: number;
  /** Filled in with the first event; null when it cannot be encoded. */
  encoded: EncodedTokenFields | null | undefined;
}

/** A context whose texts were masked and whose address and ids were parsed. */
export interface PreparedContext {
  readonly tenant: string | null;
  readonly actor: PreparedActor;
  readonly source_ip: Uint8Array | null;
  readonly user_agent: string | null;
  readonly http_method: string | null;
  readonly http_route: string | null;
  readonly http_status: number | null;
  readonly trace_id: Uint8Array | null;
  readonly outcome: Outcome | null;
  readonly redactions: number;
}

export interface EventBuilder {
  prepare(context: AuditContext): PreparedContext;
  /** Throws EmitterError `invalid_name`, `invalid_event`. Keeps nothing of the arguments. */
  build(action: string, details: AuditDetails, context: PreparedContext): OpenEvent;
  /** Makes an event that is too large smaller, for the `attempt`-th time; false when nothing is left to take away. */
  shrink(event: OpenEvent, attempt: number): boolean;
}

const ID_CHARS_MAX = 512;
const AGENT_CHARS_MAX = 512;
const REASON_CHARS_MAX = 512;
const ROUTE_CHARS_MAX = 512;
const GRANT_CHARS_MAX = 512;
const RELATED_MAX = 32;
const KEPT_MAX = 2_048;
/** After the first shortening, and the names of what was dropped by the second. */
const SHRUNK_CHARS = 64;
const DROPPED_NAME = 'sealtrail.dropped';

const ACTION = /^[A-Za-z][A-Za-z0-9._:/-]{0,127}$/;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const METHOD = /^[A-Z]{1,20}$/;
const OUTCOMES = new Set<Outcome>(['SUCCESS', 'FAILURE', 'DENIED', 'ERROR']);
const SEVERITIES = new Set<Severity>(['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']);
const NO_SALT = new Uint8Array(16);
const NO_TARGETS: readonly Target[] = [];
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
const NO_PERSONAL: readonly Uint8Array[] = [];

/** A Buffer's own slice is no copy. */
const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

interface Masked {
  readonly text: string;
  readonly redactions: number;
}
interface ActionName {
  readonly action: string;
  readonly resource_type: string;
  readonly redactions: number;
}

export function createEventBuilder(
  options: Pick<EmitterOptions, 'pseudonyms' | 'addresses'>,
  redactor: Redactor,
  clock_ms: () => number,
  random: (bytes: number) => Uint8Array,
): EventBuilder {
  const pseudonym = options.pseudonyms === undefined ? null : createPseudonyms(options.pseudonyms);
  const truncates = options.addresses === 'truncated';
  const nextId = createUuidV7(clock_ms, random);
  const actors = new WeakMap<TokenActor, PreparedActor>();
  const actions = new Map<string, ActionName>();
  const types = new Map<string, Masked>();
  const agents = new Map<string, Masked>();
  const routes = new Map<string, Masked>();

  const maskOnce = (field: string, value: string, kind: TextKind, charsMax: number): Masked => {
    const tally: Tally = { redactions: 0, scan_chars: SCAN_CHARS_MAX };
    const text = redactor.text(field, value, kind, charsMax, tally);
    return { text, redactions: tally.redactions };
  };
  /** The same agents, routes and types come again and again: they are looked at once. */
  const maskKept = (kept: Map<string, Masked>, field: string, value: string, charsMax: number): Masked => {
    const known = kept.get(value);
    if (known !== undefined) return known;
    const masked = maskOnce(field, value, 'free', charsMax);
    if (kept.size >= KEPT_MAX) kept.clear();
    if (value.length <= ID_CHARS_MAX) kept.set(value, masked);
    return masked;
  };

  const prepareActor = (actor: TokenActor): PreparedActor => {
    const known = actors.get(actor);
    if (known !== undefined) return known;
    const tally: Tally = { redactions: 0, scan_chars: SCAN_CHARS_MAX };
    const text = (field: string, value: string): string => redactor.text(field, value, 'actor', GRANT_CHARS_MAX, tally);
    const orNull = (field: string, value: string | null): string | null => (value === null ? null : text(field, value));
    const subject = (field: string, issuer: string | null, value: string): string =>
      pseudonym === null || value === '' ? text(field, value) : pseudonym(issuer, value);
    const prepared: PreparedActor = {
      section: {
        actor_type: actor.actor_type,
        actor_id: subject('actor_id', actor.actor_issuer, actor.actor_id),
        actor_issuer: orNull('actor_issuer', actor.actor_issuer),
        actor_client_id: orNull('actor_client_id', actor.actor_client_id),
        actor_roles: actor.actor_roles.map((role) => text('actor_roles', role)),
        actor_scopes: actor.actor_scopes.map((scope) => text('actor_scopes', scope)),
        actor_chain: actor.actor_chain.map(({ issuer, subject: id }) => ({
          issuer: orNull('actor_chain', issuer),
          subject: subject('actor_chain', issuer, id),
        })),
        token_status: actor.token_status,
        token_id_hash: actor.token_id_hash,
        session_id_hash: actor.session_id_hash,
        token_key_id: orNull('token_key_id', actor.token_key_id),
        token_algorithm: orNull('token_algorithm', actor.token_algorithm),
        token_issued_at: actor.token_issued_at,
        token_expires_at: actor.token_expires_at,
      },
      redactions: tally.redactions,
      encoded: undefined,
    };
    actors.set(actor, prepared);
    return prepared;
  };

  const nameOf = (action: string): ActionName => {
    const known = actions.get(action);
    if (known !== undefined) return known;
    if (typeof action !== 'string' || !ACTION.test(action)) {
      throw new EmitterError('invalid_name', 'the action is not a name: start with a letter, then up to 127 of A-Z a-z 0-9 . _ : / -');
    }
    const masked = maskOnce('action', action, 'free', 128);
    const dot = masked.redactions > 0 ? -1 : action.lastIndexOf('.');
    const name = { action: masked.text, resource_type: dot === -1 ? '' : action.slice(0, dot), redactions: masked.redactions };
    if (actions.size >= KEPT_MAX) actions.clear();
    actions.set(action, name);
    return name;
  };

  const addressOf = (address: string | Uint8Array | null | undefined): Uint8Array | null => {
    if (address === null || address === undefined) return null;
    const bytes = typeof address === 'string' ? parseAddress(address) : address.length === 16 ? copyOf(address) : null;
    return bytes !== null && truncates ? truncateAddress(bytes) : bytes;
  };

  const relatedOf = (related: readonly Target[], tally: Tally): readonly Target[] => {
    const out: Target[] = [];
    for (const { type, id } of related.length > RELATED_MAX ? related.slice(0, RELATED_MAX) : related) {
      out.push({
        type: redactor.text('related.type', type, 'free', 128, tally),
        id: redactor.text('related.id', id, 'id', ID_CHARS_MAX, tally),
      });
    }
    if (related.length > RELATED_MAX) redactor.report('related', 'too_many', tally);
    return out;
  };

  return {
    prepare(context) {
      const actor = prepareActor(context.actor ?? (EMPTY_CONTEXT.actor as TokenActor));
      const { user_agent, http_route, http_method, trace_id, http_status } = context;
      const agent = typeof user_agent === 'string' ? maskKept(agents, 'user_agent', user_agent, AGENT_CHARS_MAX) : null;
      const route = typeof http_route === 'string' ? maskKept(routes, 'http_route', http_route, ROUTE_CHARS_MAX) : null;
      return {
        tenant: context.tenant ?? null,
        actor,
        source_ip: addressOf(context.source_ip),
        user_agent: agent === null ? null : agent.text,
        // A method is one of a few words; anything else is the sender's free text.
        http_method:
          typeof http_method === 'string' ? (METHODS.has(http_method) || METHOD.test(http_method) ? http_method : 'OTHER') : null,
        http_route: route === null ? null : route.text,
        http_status: http_status ?? null,
        trace_id: typeof trace_id === 'string' ? traceIdBytes(trace_id) : trace_id?.length === 16 ? copyOf(trace_id) : null,
        outcome: context.outcome ?? null,
        redactions: actor.redactions + (agent?.redactions ?? 0) + (route?.redactions ?? 0),
      };
    },

    build(action, details, context) {
      const name = nameOf(action);
      const tally: Tally = { redactions: context.redactions + name.redactions, scan_chars: SCAN_CHARS_MAX };
      const { outcome, severity, reason, resource_id, resource_type, related, attributes, event_id, occurred_at_ms } = details;
      if (outcome !== undefined && !OUTCOMES.has(outcome)) {
        throw new EmitterError('invalid_event', `${name.action}: the outcome is not one of ${[...OUTCOMES].join(' ')}`);
      }
      if (severity !== undefined && !SEVERITIES.has(severity)) {
        throw new EmitterError('invalid_event', `${name.action}: the severity is not one of ${[...SEVERITIES].join(' ')}`);
      }
      if (event_id !== undefined && event_id.length !== 16) {
        throw new EmitterError('invalid_event', `${name.action}: event_id has ${event_id.length} bytes: pass 16`);
      }
      const type = resource_type === undefined ? null : maskKept(types, 'resource_type', resource_type, 128);
      if (type !== null) tally.redactions += type.redactions;
      const event: OpenEvent = {
        actor_salt: NO_SALT,
        actor: context.actor,
        source_ip: context.source_ip,
        user_agent: context.user_agent,
        object_salt: NO_SALT,
        resource_id: resource_id === undefined ? '' : redactor.text('resource_id', resource_id, 'id', ID_CHARS_MAX, tally),
        related: related === undefined ? NO_TARGETS : relatedOf(related, tally),
        attributes: attributes === undefined ? NO_ATTRIBUTES : redactor.attributes(attributes, tally),
        event_id: event_id === undefined ? nextId() : copyOf(event_id),
        occurred_at: occurred_at_ms === undefined ? Math.floor(clock_ms()) * 1000 : Math.round(occurred_at_ms * 1000),
        action: name.action,
        resource_type: type === null ? name.resource_type : type.text,
        outcome: outcome ?? context.outcome ?? (context.http_status === null ? 'SUCCESS' : outcomeOfStatus(context.http_status)),
        reason: reason === undefined || reason === null ? null : redactor.text('reason', reason, 'free', REASON_CHARS_MAX, tally),
        severity: severity ?? 'INFORMATIONAL',
        http_method: context.http_method,
        http_route: context.http_route,
        http_status: context.http_status,
        trace_id: context.trace_id,
        redactions: 0,
        personal: NO_PERSONAL,
      };
      event.redactions = tally.redactions;
      return event;
    },

    shrink(event, attempt) {
      const tally: Tally = { redactions: event.redactions, scan_chars: SCAN_CHARS_MAX };
      if (attempt === 0) {
        const shorter = new Map<string, string>();
        for (const [name, value] of event.attributes)
          shorter.set(name, redactor.text(`attributes.${name}`, value, 'free', SHRUNK_CHARS, tally));
        event.attributes = shorter;
      } else if (attempt === 1) {
        event.attributes = new Map([[DROPPED_NAME, 'attributes related actor_roles actor_scopes actor_chain']]);
        event.related = NO_TARGETS;
        const section = { ...event.actor.section, actor_roles: [], actor_scopes: [], actor_chain: [] };
        event.actor = { section, redactions: event.actor.redactions, encoded: undefined };
        redactor.report('attributes', 'too_many', tally);
      } else {
        return false;
      }
      event.redactions = tally.redactions;
      return true;
    },
  };
}
