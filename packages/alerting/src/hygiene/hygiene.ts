/**
 * What becomes of an alert: risk → inhibition → silence → deduplication → grouping → rate limit. A state machine without
 * clock or I/O: time comes in, messages come out.
 */
import { type Alert, alertIdOf, LEVELS, labelsOf, moreUrgent } from '../alert.ts';
import { AlertingError } from '../errors.ts';
import { checkMatchers, type Matcher, matchesAll } from '../matchers.ts';
import type { Message, MessageGroup } from '../message.ts';
import { createDeduplication, DEDUPLICATION_DEFAULTS, type DeduplicationSettings, type DeduplicationState } from './deduplication.ts';
import { createGrouping, type DueGroup, GROUPING_DEFAULTS, type Grouping, type GroupingSettings, type GroupingState } from './grouping.ts';
import { createInhibitions, type InhibitionRule, type InhibitionState } from './inhibition.ts';
import { createRateLimit, RATE_LIMIT_DEFAULTS, type RateLimit, type RateLimitSettings, type RateLimitState } from './rate-limit.ts';
import { createRiskScores, RISK_DEFAULTS, type Risk, type RiskSettings, type RiskState } from './risk.ts';
import { checkSilence, type Silence, silenceOf } from './silence.ts';

/** Which alerts a notifier is for, and how they are put together for it. */
export interface Route {
  readonly notifier: string;
  /** All must hold; none: every alert. */
  readonly matchers?: readonly Matcher[];
  readonly grouping?: Partial<GroupingSettings>;
  readonly rate_limit?: RateLimitSettings;
}

export interface HygieneOptions {
  readonly routes: readonly Route[];
  readonly risk?: Partial<RiskSettings>;
  readonly inhibitions?: readonly InhibitionRule[];
  readonly deduplication?: DeduplicationSettings;
  /** Ids of messages: random, at most 64 characters of A–Z a–z 0–9 _ -. */
  readonly new_id: () => string;
  /** Names groups: hex of a hash, at most 64 characters. */
  readonly digest: (text: string) => string;
  /** As `state` gave it, of the same settings or others. */
  readonly state?: HygieneState;
}

/** What became of an alert, kept beside it. */
export type Fate =
  /** Its groups will be told of. */
  | { readonly kind: 'grouped'; readonly groups: readonly { readonly notifier: string; readonly group: string }[] }
  /** No notifier is for alerts of its kind. */
  | { readonly kind: 'unrouted' }
  | { readonly kind: 'low_risk'; readonly needed: number }
  | { readonly kind: 'inhibited'; readonly rule: string; readonly source: string }
  | { readonly kind: 'silenced'; readonly silence: string }
  /** It was dealt with before. Store it all the same: a crash may have come between, and its row is one of its id. */
  | { readonly kind: 'duplicate' };

export interface Admission {
  readonly fate: Fate;
  readonly risk: Risk;
}

export interface HygieneState {
  readonly version: 1;
  readonly risk: RiskState;
  readonly inhibitions: InhibitionState;
  readonly silences: readonly Silence[];
  readonly ids: DeduplicationState;
  readonly routes: Readonly<Record<string, { readonly groups: GroupingState; readonly rate_limit: RateLimitState }>>;
}

export interface Hygiene {
  admit(alert: Alert, now_ms: number): Admission;
  /**
   * Messages that are due. They leave the state with this call: keep them with `state()`, in one transaction or messages
   * first, before anything is sent.
   */
  messages(now_ms: number): readonly Message[];
  /** When `messages` should be asked again; null where nothing waits. */
  nextAt(now_ms: number): number | null;
  /** Replaces one with the same id. Throws AlertingError `settings_invalid`. */
  silence(silence: Silence): void;
  /** False where no silence has this id. */
  unsilence(id: string): boolean;
  silences(): readonly Silence[];
  /** The groups are told of again only when an alert comes. */
  acknowledge(groups: readonly string[]): void;
  /** What was forgotten for want of room, since the start. */
  forgotten(): { readonly ids: number; readonly entities: number; readonly sources: number };
  state(): HygieneState;
}

/** Groups that a digest lists; it counts the others. */
const DIGEST_GROUPS_MAX = 20;
const DIGEST_ALERTS_MAX = 1;

interface OpenRoute {
  readonly notifier: string;
  readonly matchers: readonly Matcher[];
  readonly grouping: Grouping;
  readonly rateLimit: RateLimit;
}

/** Throws AlertingError `settings_invalid`, `state_invalid`. */
export function createHygiene(options: HygieneOptions): Hygiene {
  const { state, digest, new_id: newId } = options;
  if (state !== undefined && (state.version as number) !== 1)
    throw new AlertingError(
      'state_invalid',
      'the kept state of alerts has another version: start the build that wrote it, or without the state',
    );
  const riskSettings = { ...RISK_DEFAULTS, ...options.risk };
  const risks = createRiskScores(riskSettings, state?.risk);
  const inhibitions = createInhibitions(options.inhibitions ?? [], state?.inhibitions);
  const ids = createDeduplication(options.deduplication ?? DEDUPLICATION_DEFAULTS, state?.ids);
  const silences = new Map((state?.silences ?? []).map((silence) => [silence.id, silence]));
  const routes = options.routes.map(({ notifier, matchers = [], grouping, rate_limit }): OpenRoute => {
    checkMatchers(matchers, `notifier ${notifier}`);
    const kept = state?.routes[notifier];
    return {
      notifier,
      matchers,
      grouping: createGrouping({ settings: { ...GROUPING_DEFAULTS, ...grouping }, digest }, kept?.groups),
      rateLimit: createRateLimit(rate_limit ?? RATE_LIMIT_DEFAULTS, kept?.rate_limit),
    };
  });
  if (new Set(routes.map(({ notifier }) => notifier)).size !== routes.length)
    throw new AlertingError('settings_invalid', 'two routes have the same notifier: give each its own name');

  return {
    admit(alert, now_ms) {
      const labels = labelsOf(alert);
      const id = alertIdOf(alert);
      const risk = risks.assess(alert.level, labels, now_ms);
      const inhibition = inhibitions.heldBy(labels, now_ms);
      const silence = silenceOf([...silences.values()], labels, now_ms);
      if (ids.has(id)) return { fate: { kind: 'duplicate' }, risk };
      ids.add(id);
      risks.add(risk, now_ms);
      // Also of an alert that is held: what it stands for happened.
      inhibitions.add(id, labels, now_ms);
      const { notify_from: needed } = riskSettings;
      if (risk.accumulated < needed) return { fate: { kind: 'low_risk', needed }, risk };
      if (inhibition !== null) return { fate: { kind: 'inhibited', rule: inhibition.rule, source: inhibition.source }, risk };
      if (silence !== null) return { fate: { kind: 'silenced', silence: silence.id }, risk };
      const groups = routes
        .filter(({ matchers }) => matchesAll(matchers, labels))
        .map(({ notifier, grouping }) => ({ notifier, group: grouping.add(alert, labels, now_ms) }));
      return { fate: groups.length === 0 ? { kind: 'unrouted' } : { kind: 'grouped', groups }, risk };
    },
    messages(now_ms) {
      const all = [...silences.values()];
      const isSilenced = (alert: Alert): boolean => silenceOf(all, labelsOf(alert), now_ms) !== null;
      return routes.flatMap((route) => messagesOf(route, now_ms, newId, isSilenced));
    },
    nextAt(now_ms) {
      let next: number | null = null;
      for (const { grouping, rateLimit } of routes) {
        const due = grouping.nextAt();
        if (due === null) continue;
        const at = Math.max(due, rateLimit.nextAt(now_ms));
        if (next === null || at < next) next = at;
      }
      return next;
    },
    silence(silence) {
      checkSilence(silence);
      silences.set(silence.id, silence);
    },
    unsilence: (id) => silences.delete(id),
    silences: () => [...silences.values()],
    acknowledge(groups) {
      for (const { grouping } of routes) for (const group of groups) grouping.acknowledge(group);
    },
    forgotten: () => ({ ids: ids.forgotten, entities: risks.forgotten, sources: inhibitions.forgotten }),
    state: () => ({
      version: 1,
      risk: risks.state(),
      inhibitions: inhibitions.state(),
      silences: [...silences.values()],
      ids: ids.state(),
      routes: Object.fromEntries(
        routes.map(({ notifier, grouping, rateLimit }) => [notifier, { groups: grouping.state(), rate_limit: rateLimit.state() }]),
      ),
    }),
  };
}

/** One message a group as far as the rate limit goes; its last message stands for all groups that are left. */
function messagesOf(
  { notifier, grouping, rateLimit }: OpenRoute,
  now_ms: number,
  newId: () => string,
  isSilenced: (alert: Alert) => boolean,
): readonly Message[] {
  const allowed = rateLimit.available(now_ms);
  if (allowed === 0) return [];
  const due = grouping
    .due(now_ms)
    .filter(({ key, repeated, content }) => {
      // Nobody asks to be told again of what somebody silenced since.
      const isHeld = repeated && content.alerts.every(isSilenced);
      if (isHeld) grouping.hold(key, now_ms);
      return !isHeld;
    })
    .sort(byUrgency);
  const alone = due.length <= allowed ? due : due.slice(0, allowed - 1);
  const rest = due.slice(alone.length);
  const batches = [...alone.map((group) => [group]), ...(rest.length === 0 ? [] : [rest])];
  return batches.map((groups) => {
    rateLimit.take(now_ms);
    for (const { key } of groups) grouping.sent(key, now_ms);
    return messageOf(groups, notifier, now_ms, newId());
  });
}

/** Most urgent first, then who waits longest. */
const byUrgency = (a: DueGroup, b: DueGroup): number =>
  LEVELS.indexOf(b.content.level) - LEVELS.indexOf(a.content.level) || a.since_ms - b.since_ms || (a.key < b.key ? -1 : 1);

function messageOf(groups: readonly DueGroup[], notifier: string, now_ms: number, id: string): Message {
  const isDigest = groups.length > 1;
  const listed = (content: MessageGroup): MessageGroup =>
    isDigest ? { ...content, alerts: content.alerts.slice(0, DIGEST_ALERTS_MAX) } : content;
  return {
    id,
    notifier,
    kind: isDigest ? 'digest' : 'group',
    repeated: groups.every(({ repeated }) => repeated),
    made_at_ms: now_ms,
    level: groups.map(({ content }) => content.level).reduce(moreUrgent),
    count: groups.reduce((sum, { content }) => sum + content.count, 0),
    groups_count: groups.length,
    groups: groups.slice(0, DIGEST_GROUPS_MAX).map(({ content }) => listed(content)),
  };
}
