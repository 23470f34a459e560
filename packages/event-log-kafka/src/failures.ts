import { asError, EventLogError } from '@sealtrail/event-log';

/** An error with what caused it: kafkajs wraps when it gives up. */
function* chainOf(error: unknown): Generator<Error & { readonly type?: unknown }> {
  for (let at: unknown = error; at instanceof Error; at = at.cause) yield at;
}

/** Kafka's name of what a broker answered; empty when it was no answer of a broker. */
export function typeOf(error: unknown): string {
  for (const { type } of chainOf(error)) if (typeof type === 'string') return type;
  return '';
}

const isNamed = (error: unknown, names: ReadonlySet<string>): boolean => Array.from(chainOf(error)).some(({ name }) => names.has(name));

/** A commit that was not taken: the member, its generation or the topic is no more what the commit was made for. */
const commit_refusals: ReadonlySet<string> = new Set([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);
export const isRefusedCommit = (error: unknown): boolean => commit_refusals.has(typeOf(error));

const too_large: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
export const isTooLarge = (error: unknown): boolean => too_large.has(typeOf(error));

/** Answers that pass: leaders move, coordinators load, replicas come back. */
const passing_types: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
]);

const authentication: ReadonlySet<string> = new Set(['KafkaJSSASLAuthenticationError']);
const unsupported: ReadonlySet<string> = new Set(['KafkaJSServerDoesNotSupportApiKey', 'KafkaJSNotImplemented']);

/** Whether it may succeed when tried again as it is. */
export function isPassing(error: unknown): boolean {
  if (error instanceof EventLogError) return error.code === 'log_unavailable';
  const type = typeOf(error);
  if (type !== '' && type !== 'UNKNOWN') return passing_types.has(type);
  return !isNamed(error, authentication) && !isNamed(error, unsupported);
}

/** Whether the connection, and not the answer, is what failed. */
export const isConnectionFailure = (error: unknown): boolean => !(error instanceof EventLogError) && typeOf(error) === '';

/** The first line of what went wrong. */
export const reasonOf = (error: unknown): string => {
  const { message, name } = asError(error);
  return message.split('\n', 1)[0]?.trim() || name;
};

/** What an operator does about it. */
function adviceOf(error: unknown): string {
  const type = typeOf(error);
  if (type.endsWith('_AUTHORIZATION_FAILED')) return 'grant this client the right that the name tells';
  if (type === 'INCONSISTENT_GROUP_PROTOCOL') return 'another kind of program is in the group: give it a group of its own';
  if (type === 'INVALID_SESSION_TIMEOUT') return 'set session_timeout_ms within group.min and group.max.session.timeout.ms of the brokers';
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return 'create the topic, or ask for a partition that it has';
  if (isNamed(error, authentication) || type === 'SASL_AUTHENTICATION_FAILED') return 'check user, password and mechanism';
  if (isNamed(error, unsupported)) return 'use Kafka 3.1 or newer';
  return 'check that the brokers run and can be reached from here';
}

/** `what` reads as in “cannot …”. */
export function unavailable(what: string, error: unknown): EventLogError {
  if (error instanceof EventLogError) return error;
  return new EventLogError('log_unavailable', `cannot ${what}: ${reasonOf(error)}; ${adviceOf(error)}`, { cause: error });
}

export const noTopic = (topic: string): EventLogError => new EventLogError('log_misuse', `no topic ${topic}: create it first`);

export const noPartition = (topic: string, partition: number): EventLogError =>
  new EventLogError('log_misuse', `no partition ${partition} of topic ${topic}: create the topic, or ask for a partition that it has`);

export const closed = (): EventLogError => new EventLogError('log_closed', 'the event log was closed: open another');

/** Hides what a client's options keep secret, wherever it would show. */
export function redactor(client: { readonly ssl?: unknown; readonly sasl?: unknown }): (text: string) => string {
  const secrets = [...secretsIn(client.sasl), ...secretsIn(client.ssl)].filter((secret) => secret.length >= 4);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '[hidden]'), text);
}

const shown_options: ReadonlySet<string> = new Set(['mechanism', 'username', 'servername', 'minVersion', 'maxVersion']);

function secretsIn(options: unknown): readonly string[] {
  if (typeof options !== 'object' || options === null) return [];
  return Object.entries(options).flatMap(([name, value]) => (typeof value === 'string' && !shown_options.has(name) ? [value] : []));
}
