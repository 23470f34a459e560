/** The notifiers that there are. Each throws AlertingError `settings_invalid` for settings that cannot work. */
import { AlertingError } from '../errors.ts';
import type { Message } from '../message.ts';
import { alertmanagerBody } from '../payloads/alertmanager.ts';
import { ocsfBody } from '../payloads/ocsf.ts';
import { checkRoutingKey, PAGERDUTY_URL, pagerdutyBody, withRoutingKey } from '../payloads/pagerduty.ts';
import { slackBody } from '../payloads/slack.ts';
import { signatureHeaders, webhookKey } from '../payloads/standard-webhooks.ts';
import { DISCLOSURE_DEFAULTS, type Disclosure } from '../payloads/view.ts';
import { CLOUD_EVENTS_TYPE, cloudEventsBody, webhookBody } from '../payloads/webhook.ts';
import { checkUrl, type HttpAccess, post } from './http.ts';
import type { Notifier } from './notifier.ts';

interface Receiver {
  readonly name: string;
  readonly disclosure?: Disclosure;
  /** Allows http to other machines. */
  readonly plain_http?: boolean;
}

export interface WebhookReceiver extends Receiver {
  readonly url: string;
  /** `whsec_…`, the newest first: bodies are signed with each. None: not signed. */
  readonly secrets: readonly string[];
  readonly format: 'sealtrail' | 'cloudevents' | 'ocsf';
  /** Names this deployment: a URI. */
  readonly source: string;
}
export interface SlackReceiver extends Receiver {
  /** Of an incoming webhook: a secret. */
  readonly url: string;
}
export interface AlertmanagerReceiver extends Receiver {
  /** Of whatever takes Alertmanager's webhooks. */
  readonly url: string;
  readonly source: string;
  /** Value of the Authorization header: a secret. */
  readonly authorization?: string;
}
export interface PagerdutyReceiver extends Receiver {
  readonly routing_key: string;
  readonly source: string;
  /** PagerDuty's own when absent. */
  readonly url?: string;
}

const JSON_TYPE = 'application/json';
const USER_AGENT = 'sealtrail';

const headersOf = (type: string, more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({
  'content-type': type,
  'user-agent': USER_AGENT,
  ...more,
});

export function webhookNotifier(access: HttpAccess, receiver: WebhookReceiver): Notifier {
  const { name, url, secrets, format, source, disclosure = DISCLOSURE_DEFAULTS } = receiver;
  checkUrl(url, `notifier ${name}`, receiver.plain_http ?? false);
  const keys = secrets.map(webhookKey);
  const bodies = {
    sealtrail: (message: Message) => webhookBody(message, disclosure),
    cloudevents: (message: Message) => cloudEventsBody(message, disclosure, source),
    ocsf: (message: Message) => ocsfBody(message, disclosure),
  };
  const type = format === 'cloudevents' ? CLOUD_EVENTS_TYPE : JSON_TYPE;
  return {
    name,
    body: bodies[format],
    deliver(id, body, stop) {
      const signature = keys.length === 0 ? { 'webhook-id': id } : signatureHeaders(keys, id, access.clock_ms(), body);
      return post(access, url, headersOf(type, signature), body, stop);
    },
  };
}

export function slackNotifier(access: HttpAccess, { name, url, plain_http, disclosure = DISCLOSURE_DEFAULTS }: SlackReceiver): Notifier {
  checkUrl(url, `notifier ${name}`, plain_http ?? false);
  return {
    name,
    body: (message) => slackBody(message, disclosure),
    deliver: (_id, body, stop) => post(access, url, headersOf(JSON_TYPE), body, stop),
  };
}

export function alertmanagerNotifier(access: HttpAccess, receiver: AlertmanagerReceiver): Notifier {
  const { name, url, source, authorization, plain_http, disclosure = DISCLOSURE_DEFAULTS } = receiver;
  checkUrl(url, `notifier ${name}`, plain_http ?? false);
  if (authorization !== undefined && /[^\t\x20-\x7e]/.test(authorization))
    throw new AlertingError('settings_invalid', `notifier ${name}: its authorization has characters that no header takes`);
  return {
    name,
    body: (message) => alertmanagerBody(message, disclosure, source),
    deliver: (_id, body, stop) => post(access, url, headersOf(JSON_TYPE, authorization === undefined ? {} : { authorization }), body, stop),
  };
}

export function pagerdutyNotifier(access: HttpAccess, receiver: PagerdutyReceiver): Notifier {
  const { name, routing_key, source, url = PAGERDUTY_URL, plain_http, disclosure = DISCLOSURE_DEFAULTS } = receiver;
  checkUrl(url, `notifier ${name}`, plain_http ?? false);
  checkRoutingKey(routing_key);
  return {
    name,
    body: (message) => pagerdutyBody(message, disclosure, source),
    deliver: (_id, body, stop) => post(access, url, headersOf(JSON_TYPE), withRoutingKey(body, routing_key), stop),
  };
}
