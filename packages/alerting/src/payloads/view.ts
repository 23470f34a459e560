/** What of a message may leave, as plain JSON values: the ground of every payload. */
import { type Alert, hexOf } from '../alert.ts';
import type { Message, MessageGroup } from '../message.ts';
import { isoMicros, isoMillis, outgoing } from './text.ts';

/** What may leave beyond rule, tenant, times and counts. */
export interface Disclosure {
  /**
   * Group-by fields whose values may leave; `*` stands for all. The values of others are withheld: they may be personal,
   * and a receiver is somebody else's system.
   */
  readonly shown_fields: readonly string[];
}

/** Names no person: what was done, with what end. */
export const DISCLOSURE_DEFAULTS: Disclosure = {
  shown_fields: ['action', 'resource_type', 'outcome', 'reason', 'severity', 'http_method', 'http_route', 'http_status', 'token_status'],
};

export const WITHHELD = '(withheld)';

const TITLE_CHARACTERS_MAX = 200;
const VALUE_CHARACTERS_MAX = 256;
const FIELDS_MAX = 32;
const TAGS_MAX = 32;

export interface EvidenceView {
  readonly event_id: string;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
  readonly leaf_hash: string;
}
export interface AlertView {
  readonly id: string;
  readonly rule: { readonly id: string; readonly title: string; readonly version: string };
  readonly level: string;
  readonly tags: readonly string[];
  readonly tenant: string;
  readonly group: Readonly<Record<string, string>>;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly raised_at: string;
  readonly anchor_event_id: string;
  readonly value: number | null;
  readonly late: boolean;
  readonly events_count: number;
  /** Some of it; the whole stands in the table and the topic. */
  readonly evidence: readonly EvidenceView[];
}
export interface GroupView {
  readonly id: string;
  readonly title: string;
  readonly level: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly count: number;
  readonly listed: number;
  readonly first: boolean;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly alerts: readonly AlertView[];
}
export interface MessageView {
  readonly id: string;
  readonly kind: 'group' | 'digest';
  readonly repeated: boolean;
  readonly made_at: string;
  readonly level: string;
  readonly count: number;
  readonly groups_count: number;
  readonly groups: readonly GroupView[];
}

const shows = ({ shown_fields }: Disclosure, field: string): boolean => shown_fields.includes('*') || shown_fields.includes(field);

/** An object whose keys may be anything, `__proto__` too. */
const record = (pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> => Object.fromEntries(pairs);

const value = (text: string): string => outgoing(text, VALUE_CHARACTERS_MAX);

function groupOf(fields: ReadonlyMap<string, string>, disclosure: Disclosure): Readonly<Record<string, string>> {
  const pairs = [...fields].slice(0, FIELDS_MAX);
  return record(pairs.map(([name, text]) => [value(name), shows(disclosure, name) ? value(text) : WITHHELD]));
}

const GROUP_PREFIX = 'group.';

function labelsOfGroup({ labels }: MessageGroup, disclosure: Disclosure): Readonly<Record<string, string>> {
  return record(
    labels.slice(0, FIELDS_MAX).map(([name, text]) => {
      const isHidden = name.startsWith(GROUP_PREFIX) && !shows(disclosure, name.slice(GROUP_PREFIX.length));
      return [value(name), isHidden && text !== '' ? WITHHELD : value(text)];
    }),
  );
}

export function alertView(alert: Alert, disclosure: Disclosure): AlertView {
  return {
    id: hexOf(alert.id),
    rule: { id: value(alert.rule_id), title: outgoing(alert.rule_title, TITLE_CHARACTERS_MAX), version: hexOf(alert.rule_version) },
    level: alert.level.toLowerCase(),
    tags: alert.tags.slice(0, TAGS_MAX).map(value),
    tenant: value(alert.tenant),
    group: groupOf(alert.group, disclosure),
    first_seen: isoMicros(alert.first_seen),
    last_seen: isoMicros(alert.last_seen),
    raised_at: isoMillis(alert.raised_at),
    anchor_event_id: hexOf(alert.anchor_event_id),
    value: alert.value,
    late: alert.late,
    events_count: alert.events_count,
    evidence: alert.evidence.map(({ event_id, topic, incarnation, partition, offset, index, leaf_hash }) => ({
      event_id: hexOf(event_id),
      topic: value(topic),
      incarnation,
      partition,
      offset,
      index,
      leaf_hash: hexOf(leaf_hash),
    })),
  };
}

function groupView(group: MessageGroup, disclosure: Disclosure): GroupView {
  return {
    id: group.id,
    title: outgoing(group.rule_title, TITLE_CHARACTERS_MAX),
    level: group.level.toLowerCase(),
    labels: labelsOfGroup(group, disclosure),
    count: group.count,
    listed: group.alerts.length,
    first: group.first,
    first_seen: isoMicros(group.first_seen),
    last_seen: isoMicros(group.last_seen),
    alerts: group.alerts.map((alert) => alertView(alert, disclosure)),
  };
}

export function messageView(message: Message, disclosure: Disclosure): MessageView {
  return {
    id: message.id,
    kind: message.kind,
    repeated: message.repeated,
    made_at: isoMillis(message.made_at_ms),
    level: message.level.toLowerCase(),
    count: message.count,
    groups_count: message.groups_count,
    groups: message.groups.map((group) => groupView(group, disclosure)),
  };
}

/** One line: how urgent, what, for whom, how many. */
export function summaryOf(view: MessageView, charactersMax: number): string {
  const alerts = view.count === 1 ? '1 alert' : `${view.count} alerts`;
  const [group] = view.groups;
  const again = view.repeated ? 'Still: ' : '';
  const level = view.level.toUpperCase();
  // The count stands before the title: a cut takes the end.
  if (view.kind === 'digest' || group === undefined)
    return outgoing(`${again}${level}: ${alerts} in ${view.groups_count} groups`, charactersMax);
  const tenant = group.labels['tenant'];
  return outgoing(`${again}${level}: ${alerts}${tenant === undefined ? '' : ` for ${tenant}`}: ${group.title}`, charactersMax);
}

const encoder = new TextEncoder();

/**
 * The JSON of what `build` makes of the message, in at most so many bytes: where it is more, with fewer alerts a group, with
 * none, then with fewer groups. Counts stay what they are.
 */
export function fitted(message: Message, bytesMax: number, build: (message: Message) => unknown): string {
  let alertsMax = Math.max(0, ...message.groups.map(({ alerts }) => alerts.length));
  let groupsMax = message.groups.length;
  for (;;) {
    const cutDown = {
      ...message,
      groups: message.groups.slice(0, groupsMax).map((group) => ({ ...group, alerts: group.alerts.slice(0, alertsMax) })),
    };
    const body = JSON.stringify(build(cutDown));
    if (encoder.encode(body).length <= bytesMax || (alertsMax === 0 && groupsMax <= 1)) return body;
    if (alertsMax > 0) alertsMax = Math.floor(alertsMax / 2);
    else groupsMax = Math.ceil(groupsMax / 2);
  }
}
