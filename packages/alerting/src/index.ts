export { type Alert, alertIdOf, type Labels, LEVELS, type Level, labelsOf } from './alert.ts';
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
