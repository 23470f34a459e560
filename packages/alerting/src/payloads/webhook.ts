/** The generic webhook: an own body, or a CloudEvents 1.0 event in JSON (structured mode). */
import type { Message } from '../message.ts';
import { type Disclosure, fitted, messageView } from './view.ts';

/** Receivers often refuse more. */
export const WEBHOOK_BYTES_MAX = 262_144;

const typeOf = (message: Message, prefix: string): string => `${prefix}alert.${message.kind}`;

/** `{type, timestamp, data}`, as the Standard Webhooks specification ("Payload structure") suggests. */
export const webhookBody = (message: Message, disclosure: Disclosure): string =>
  fitted(message, WEBHOOK_BYTES_MAX, (fit) => {
    const data = messageView(fit, disclosure);
    return { type: typeOf(fit, ''), timestamp: data.made_at, data };
  });

export const CLOUD_EVENTS_TYPE = 'application/cloudevents+json';

/** CloudEvents 1.0.2, "JSON Event Format". `source` is a URI-reference that names this deployment. */
export const cloudEventsBody = (message: Message, disclosure: Disclosure, source: string): string =>
  fitted(message, WEBHOOK_BYTES_MAX, (fit) => {
    const data = messageView(fit, disclosure);
    const [group] = fit.groups;
    return {
      specversion: '1.0',
      id: data.id,
      source,
      type: typeOf(fit, 'sealtrail.'),
      ...(group === undefined || fit.kind === 'digest' ? {} : { subject: group.id }),
      time: data.made_at,
      datacontenttype: 'application/json',
      data,
    };
  });
