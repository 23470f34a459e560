export { type Alert, alertIdOf, type Labels, LEVELS, type Level, labelsOf } from './alert.ts';
export { type AlertFlow, type AlertFlowOptions, createAlertFlow } from './delivery/alert-flow.ts';
export { RETRY_DEFAULTS, type RetrySettings } from './delivery/backoff.ts';
export { createDispatcher, type Dispatcher, type DispatcherOptions } from './delivery/dispatcher.ts';
export type { HttpAccess, HttpFetch } from './delivery/http.ts';
export type { DeliveryEvent } from './delivery/lane.ts';
export type { DeliveryOutcome, FailureReason, Notifier, Timers } from './delivery/notifier.ts';
export {
  type AlertmanagerReceiver,
  alertmanagerNotifier,
  type PagerdutyReceiver,
  pagerdutyNotifier,
  type SlackReceiver,
  slackNotifier,
  type WebhookReceiver,
  webhookNotifier,
} from './delivery/receivers.ts';
export {
  type AlertStateStore,
  createMemoryDeliveryStore,
  type DeliveryRow,
  type DeliveryStore,
  type MemoryDeliveryStore,
} from './delivery/store.ts';
export * from './errors.ts';
export { DEDUPLICATION_DEFAULTS, type DeduplicationSettings } from './hygiene/deduplication.ts';
export { GROUPING_DEFAULTS, type GroupingSettings } from './hygiene/grouping.ts';
export {
  type Admission,
  createHygiene,
  type Fate,
  type Hygiene,
  type HygieneOptions,
  type HygieneState,
  type Route,
} from './hygiene/hygiene.ts';
export type { InhibitionRule } from './hygiene/inhibition.ts';
export { RATE_LIMIT_DEFAULTS, type RateLimitSettings } from './hygiene/rate-limit.ts';
export { RISK_DEFAULTS, type Risk, type RiskSettings } from './hygiene/risk.ts';
export { checkSilence, type Silence } from './hygiene/silence.ts';
export type { Matcher } from './matchers.ts';
export type { Message, MessageGroup } from './message.ts';
export { alertmanagerBody } from './payloads/alertmanager.ts';
export { ocsfBody } from './payloads/ocsf.ts';
export { PAGERDUTY_URL, pagerdutyBody } from './payloads/pagerduty.ts';
export { slackBody } from './payloads/slack.ts';
export { DISCLOSURE_DEFAULTS, type Disclosure } from './payloads/view.ts';
export { cloudEventsBody, webhookBody } from './payloads/webhook.ts';
