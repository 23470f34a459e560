import type { Sha256 } from '@sealtrail/merkle';
import { type ActorSection, type ActorType, type Delegate, TIME_MS_END, TIME_MS_MIN } from '@sealtrail/wire';
import { type JsonObject, objectAt, textAt } from './json.ts';

/** How one type of `userIdentity` is read. docs/importing-cloudtrail.md shows this table. */
export interface IdentityRule {
  readonly type: string;
  readonly actor_type: ActorType;
  /** Path of the issuer inside `userIdentity`; null when the identity has none. */
  readonly issuer: string | null;
}

/** A record without a type is `(none)`; a type that is not listed is read as `Unknown`. */
export const IDENTITY_RULES: readonly IdentityRule[] = [
  { type: 'Root', actor_type: 'USER', issuer: 'accountId' },
  { type: 'IAMUser', actor_type: 'USER', issuer: 'accountId' },
  { type: 'AssumedRole', actor_type: 'SERVICE', issuer: 'accountId' },
  { type: 'Role', actor_type: 'SERVICE', issuer: 'accountId' },
  { type: 'FederatedUser', actor_type: 'USER', issuer: 'accountId' },
  { type: 'SAMLUser', actor_type: 'USER', issuer: 'identityProvider' },
  { type: 'WebIdentityUser', actor_type: 'USER', issuer: 'identityProvider' },
  { type: 'IdentityCenterUser', actor_type: 'USER', issuer: 'onBehalfOf.identityStoreArn' },
  { type: 'Directory', actor_type: 'USER', issuer: 'accountId' },
  { type: 'AWSAccount', actor_type: 'SERVICE', issuer: 'accountId' },
  { type: 'AWSService', actor_type: 'SERVICE', issuer: null },
  { type: '(none)', actor_type: 'SERVICE', issuer: null },
  { type: 'Unknown', actor_type: 'ANONYMOUS', issuer: 'accountId' },
];

const RULES: ReadonlyMap<string, IdentityRule> = new Map(IDENTITY_RULES.map((rule) => [rule.type, rule]));
const NO_TYPE = '(none)';

/** Where the actor's id is looked for inside `userIdentity`: the first that is there is taken. */
export const ACTOR_ID_PATHS: readonly string[] = ['arn', 'onBehalfOf.userId', 'userName', 'principalId', 'invokedBy', 'accountId'];

/** Role sessions that people hold: what AWS IAM Identity Center names its roles. */
const PEOPLES_ROLE = /:assumed-role\/AWSReservedSSO_/;
/** What S3 and STS write for a caller without credentials. */
const ANONYMOUS_ACCOUNTS: ReadonlySet<string> = new Set(['ANONYMOUS_PRINCIPAL', 'anonymous']);

export type ActorTexts = Pick<ActorSection, 'actor_type' | 'actor_id' | 'actor_issuer' | 'actor_roles' | 'actor_chain'>;
export type CredentialFacts = Pick<ActorSection, 'token_id_hash' | 'session_id_hash' | 'token_issued_at'>;

/** Who acted, as the record tells; texts are not masked yet. */
export function actorOf(record: JsonObject): ActorTexts {
  const identity = objectAt(record, 'userIdentity');
  const type = textAt(identity, 'type') ?? NO_TYPE;
  const rule = RULES.get(type) ?? (RULES.get('Unknown') as IdentityRule);
  const account = textAt(identity, 'accountId');
  if (account !== null && ANONYMOUS_ACCOUNTS.has(account)) {
    return { actor_type: 'ANONYMOUS', actor_id: '', actor_issuer: null, actor_roles: [], actor_chain: chainOf(identity, '') };
  }
  const id = firstText(identity, ACTOR_ID_PATHS) ?? textAt(record, 'eventSource') ?? '';
  return {
    actor_type: actorType(rule, identity, id),
    actor_id: id,
    actor_issuer: rule.issuer === null ? null : textAt(identity, ...rule.issuer.split('.')),
    actor_roles: rolesOf(identity, type),
    actor_chain: chainOf(identity, id),
  };
}

function actorType(rule: IdentityRule, identity: JsonObject, id: string): ActorType {
  if (rule.type === NO_TYPE && textAt(identity, 'invokedBy') === null) return 'SYSTEM';
  return rule.type === 'AssumedRole' && PEOPLES_ROLE.test(id) ? 'USER' : rule.actor_type;
}

function rolesOf(identity: JsonObject, type: string): readonly string[] {
  if (type === 'Root') return ['root'];
  const issuer = objectAt(objectAt(identity, 'sessionContext'), 'sessionIssuer');
  const arn = textAt(issuer, 'arn');
  return textAt(issuer, 'type') === 'Role' && arn !== null ? [arn] : [];
}

/** Nearest the request first: the service that sent it, who issued the session, who the identity provider says it is. */
function chainOf(identity: JsonObject, id: string): readonly Delegate[] {
  const chain: Delegate[] = [];
  const invokedBy = textAt(identity, 'invokedBy');
  if (invokedBy !== null && invokedBy !== id) chain.push({ issuer: null, subject: invokedBy });
  const session = objectAt(identity, 'sessionContext');
  const issuer = objectAt(session, 'sessionIssuer');
  const issuedBy = textAt(issuer, 'arn') ?? textAt(issuer, 'principalId');
  if (issuedBy !== null) chain.push({ issuer: textAt(issuer, 'accountId'), subject: issuedBy });
  const source = textAt(session, 'sourceIdentity');
  if (source !== null) chain.push({ issuer: null, subject: source });
  return chain;
}

/**
 * The credential by its hash, never by its id: token_id_hash = SHA-256(access key id), session_id_hash =
 * SHA-256(principalId, line feed, creation date of the session), which joins the several keys of one console session.
 */
export function credentialOf(record: JsonObject, sha256: Sha256): CredentialFacts {
  const identity = objectAt(record, 'userIdentity');
  const digest = (text: string): Uint8Array => sha256.digest(new TextEncoder().encode(text));
  const key = textAt(identity, 'accessKeyId') ?? textAt(identity, 'credentialId');
  const principal = textAt(identity, 'principalId');
  const created = textAt(identity, 'sessionContext', 'attributes', 'creationDate');
  return {
    token_id_hash: key === null ? null : digest(key),
    session_id_hash: principal === null || created === null ? null : digest(`${principal}\n${created}`),
    token_issued_at: created === null ? null : instantMs(created),
  };
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since 1970 of an ISO 8601 instant; null for anything else, or outside 1970 to 2199. */
export function instantMs(text: string): number | null {
  const ms = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return ms >= TIME_MS_MIN && ms < TIME_MS_END ? ms : null;
}

function firstText(from: JsonObject, paths: readonly string[]): string | null {
  for (const path of paths) {
    const text = textAt(from, ...path.split('.'));
    if (text !== null) return text;
  }
  return null;
}
