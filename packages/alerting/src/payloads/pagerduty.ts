/**
 * PagerDuty's Events API v2 (developer.pagerduty.com, "Send an Alert Event"): summary of at most 1,024 characters, dedup_key of
 * 255, a payload of 512 KB. The routing key is a secret: it is put into the body when it is sent, and is kept nowhere.
 */
import type { Level } from '../alert.ts';
import { AlertingError } from '../errors.ts';
import type { Message } from '../message.ts';
import { outgoing } from './text.ts';
import { type Disclosure, fitted, messageView, summaryOf } from './view.ts';

export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';
export const PAGERDUTY_BYTES_MAX = 512_000;
export const PAGERDUTY_SUMMARY_CHARACTERS_MAX = 1_024;
/** Room for the routing key. */
const ROUTING_BYTES = 100;

const SEVERITIES: Readonly<Record<Level, 'critical' | 'error' | 'warning' | 'info'>> = {
  CRITICAL: 'critical',
  HIGH: 'error',
  MEDIUM: 'warning',
  LOW: 'info',
  INFORMATIONAL: 'info',
};

/** Without the routing key. Messages about one group are one incident; a digest is one of its own. */
export const pagerdutyBody = (message: Message, disclosure: Disclosure, source: string): string =>
  fitted(message, PAGERDUTY_BYTES_MAX - ROUTING_BYTES, (fit) => {
    const view = messageView(fit, disclosure);
    const [group] = view.groups;
    const alone = view.kind === 'group' && group !== undefined ? group : null;
    return {
      event_action: 'trigger',
      dedup_key: alone === null ? view.id : alone.id,
      client: 'Sealtrail',
      payload: {
        summary: summaryOf(view, PAGERDUTY_SUMMARY_CHARACTERS_MAX),
        source: outgoing(source, 255),
        severity: SEVERITIES[fit.level],
        timestamp: view.made_at,
        ...(alone === null ? {} : { group: alone.labels['tenant'] ?? '', class: alone.labels['rule'] ?? '' }),
        custom_details: view,
      },
    };
  });

/** Throws AlertingError `settings_invalid` for a key that cannot be one. */
export function checkRoutingKey(key: string): void {
  if (!/^[A-Za-z0-9]{32}$/.test(key)) throw new AlertingError('settings_invalid', 'a routing key of PagerDuty has 32 letters and digits');
}

/** The body as it is sent. */
export const withRoutingKey = (body: string, key: string): string =>
  JSON.stringify({ routing_key: key, ...(JSON.parse(body) as Record<string, unknown>) });
