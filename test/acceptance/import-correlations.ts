/** Correlations that a user might write for an import, and what they mean as a plain loop, written from docs/detection/correlations.md. */

export const CORRELATION_RULES = `title: Denied
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c01
name: denied
logsource: { product: sealtrail, category: audit }
detection:
  act:
    outcome: DENIED
  condition: act
---
title: Any act
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c02
name: any_act
logsource: { product: sealtrail, category: audit }
detection:
  act:
    action: '?*'
  condition: act
---
title: Something created
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c03
name: created
logsource: { product: sealtrail, category: audit }
detection:
  act:
    action|contains: ':Create'
    outcome: SUCCESS
  condition: act
---
title: Something deleted
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c04
name: deleted
logsource: { product: sealtrail, category: audit }
detection:
  act:
    action|contains: ':Delete'
    outcome: SUCCESS
  condition: act
---
title: Denied in numbers
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c05
level: medium
correlation:
  type: event_count
  rules: [denied]
  group-by: [actor_id]
  timespan: 1m
  condition: { gte: 10 }
---
title: Many kinds of act
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c06
level: medium
correlation:
  type: value_count
  rules: [any_act]
  group-by: [actor_id]
  timespan: 1m
  condition: { field: action, gte: 25 }
---
title: Created and deleted
id: 0b1d7e52-1f3e-4a52-9a43-0d4d2a6c1c07
level: low
correlation:
  type: temporal
  rules: [created, deleted]
  group-by: [actor_id, resource_type]
  timespan: 1m
`;

export interface StoredEvent {
  readonly id: string;
  readonly ms: number;
  readonly action: string;
  readonly outcome: string;
  readonly actor_id: string;
  readonly resource_type: string;
}

/** What an alert rests on: ids in the order of time. */
export interface BurstAlert {
  readonly events_count: number;
  readonly events: readonly string[];
}

interface Burst {
  readonly title: string;
  readonly isHit: (event: StoredEvent) => boolean;
  readonly group: (event: StoredEvent) => string;
  /** The events that it rests on, of a window in its order; null where the condition does not hold. */
  readonly rests: (window: readonly StoredEvent[]) => readonly StoredEvent[] | null;
}

const SPAN_MS = 60_000;
const isDone = (event: StoredEvent, what: string): boolean => event.action.includes(what) && event.outcome === 'SUCCESS';
/** The latest event of each value, in order. */
const latestOf = (window: readonly StoredEvent[], value: (event: StoredEvent) => string): readonly StoredEvent[] => {
  const latest = new Map(window.map((event) => [value(event), event]));
  return window.filter((event) => latest.get(value(event)) === event);
};

export const BURSTS: readonly Burst[] = [
  {
    title: 'Denied in numbers',
    isHit: ({ outcome }) => outcome === 'DENIED',
    group: ({ actor_id }) => actor_id,
    rests: (window) => (window.length >= 10 ? window : null),
  },
  {
    title: 'Many kinds of act',
    isHit: () => true,
    group: ({ actor_id }) => actor_id,
    rests(window) {
      const kinds = latestOf(window, ({ action }) => action);
      return kinds.length >= 25 ? kinds : null;
    },
  },
  {
    title: 'Created and deleted',
    isHit: (event) => isDone(event, ':Create') || isDone(event, ':Delete'),
    group: ({ actor_id, resource_type }) => `${actor_id} ${resource_type}`,
    rests(window) {
      const both = latestOf(window, (event) => String(isDone(event, ':Create')));
      return both.length === 2 ? both : null;
    },
  },
];

/** The alerts of one of them: where its condition becomes true, hit by hit in the order of (time, event id). */
export function burstAlerts(title: string, events: readonly StoredEvent[]): readonly BurstAlert[] {
  const burst = BURSTS.find((one) => one.title === title);
  if (burst === undefined) throw new Error(`no correlation is called ${title}`);
  const groups = new Map<string, StoredEvent[]>();
  for (const event of events.filter(burst.isHit).sort((a, b) => a.ms - b.ms || (a.id < b.id ? -1 : 1))) {
    const key = burst.group(event);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()].flatMap((hits) => {
    let before: { readonly ms: number; readonly holds: boolean } | null = null;
    return hits.flatMap((hit, i): readonly BurstAlert[] => {
      const rests = burst.rests(hits.slice(0, i + 1).filter(({ ms }) => ms >= hit.ms - SPAN_MS));
      const becomesTrue = rests !== null && (before === null || !before.holds || hit.ms - before.ms > SPAN_MS);
      before = { ms: hit.ms, holds: rests !== null };
      return becomesTrue ? [{ events_count: rests.length, events: rests.map(({ id }) => id) }] : [];
    });
  });
}
