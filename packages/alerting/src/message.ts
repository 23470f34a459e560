import type { Alert, Level } from './alert.ts';

/** What a message says about one group of alerts. */
export interface MessageGroup {
  /** The same for every message about the group; hex, of at most 64 characters. */
  readonly id: string;
  /** Labels that the group is by, in their order: `tenant`, `rule`, `group.NAME`. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly rule_title: string;
  /** The most urgent of its alerts. */
  readonly level: Level;
  /** Alerts that it stands for, those that are not listed included. */
  readonly count: number;
  /** µs since 1970. */
  readonly first_seen: number;
  readonly last_seen: number;
  /** False where messages about the group went before. */
  readonly first: boolean;
  /** The first of them, with little of their evidence: the whole stands in the table and in the topic. */
  readonly alerts: readonly Alert[];
}

/** What a notifier is to send: one group, or a digest of several where there were too many. */
export interface Message {
  readonly id: string;
  readonly notifier: string;
  readonly kind: 'group' | 'digest';
  /** Nothing new: the group was told of before, is still fresh, and nobody acknowledged it. */
  readonly repeated: boolean;
  readonly made_at_ms: number;
  readonly level: Level;
  /** Alerts that the message stands for. */
  readonly count: number;
  /** Groups that it stands for, those that are not listed included. */
  readonly groups_count: number;
  readonly groups: readonly MessageGroup[];
}
