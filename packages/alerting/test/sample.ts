import { createHash } from 'node:crypto';
import type { AlertEvidence } from '@sealtrail/wire';
import type { Alert } from '../src/alert.ts';
import { createHygiene, type Hygiene, type HygieneOptions } from '../src/hygiene/hygiene.ts';
import type { Message } from '../src/message.ts';

/** Bytes that follow from a text. */
export const bytesOf = (text: string, size: number): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(text).digest().subarray(0, size));

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

export const NOW = 1_735_689_700_000;
export const SECOND = 1_000;
export const MINUTE = 60_000;

export const evidenceOf = (n: number): AlertEvidence => ({
  event_id: bytesOf(`event ${n}`, 16),
  topic: 'audit.events',
  incarnation: 1,
  partition: 0,
  offset: n,
  index: 0,
  leaf_hash: bytesOf(`leaf ${n}`, 32),
});

const RULE_VERSION = bytesOf('rule', 32);
const ANCHOR = bytesOf('event 2', 16);
const EVIDENCE = [evidenceOf(1), evidenceOf(2)];

/** An alert with an id of its own for each `name`. */
export function sampleAlert(
  name: string,
  parts: Partial<Omit<Alert, 'group'>> & { readonly group?: Readonly<Record<string, string>> } = {},
): Alert {
  const { group, ...rest } = parts;
  return {
    id: bytesOf(`alert ${name}`, 16),
    rule_id: 'brute-force',
    rule_version: RULE_VERSION,
    rule_title: 'Many failures for one user',
    level: 'HIGH',
    tags: ['attack.t1110'],
    tenant: 'acme',
    group: new Map(Object.entries(group ?? { actor_id: 'alice' })),
    first_seen: NOW * 1_000 - 5_000_000,
    last_seen: NOW * 1_000,
    raised_at: NOW,
    anchor_event_id: ANCHOR,
    value: 10,
    late: false,
    events_count: 2,
    evidence: EVIDENCE,
    ...rest,
  };
}

/** A hygiene with one notifier, and with ids that count. */
export function sampleHygiene(options: Partial<HygieneOptions> = {}): Hygiene {
  let made = 0;
  return createHygiene({ routes: [{ notifier: 'slack' }], new_id: () => `msg_${++made}`, digest, ...options });
}

/** Lets time pass to `until_ms`, asking for messages whenever the hygiene says so. */
export function passTime(hygiene: Hygiene, from_ms: number, until_ms: number): readonly Message[] {
  const messages: Message[] = [];
  for (let now = from_ms; ; ) {
    messages.push(...hygiene.messages(now));
    const next = hygiene.nextAt(now);
    if (next === null || next > until_ms) return messages;
    now = Math.max(next, now + 1);
  }
}
