/**
 * What receivers accept, written from their own documents, not from the code.
 * - Slack: docs.slack.dev/reference/block-kit/blocks (section, header), docs.slack.dev/messaging/formatting-message-text.
 * - Alertmanager: prometheus.io/docs/alerting/latest/configuration (webhook_config), the payload of version 4.
 * - PagerDuty: developer-docs/docs/events-API-v2, 01-Overview.md (sizes) and 02-Trigger-Events.md (fields).
 * - OCSF: ocsf-schema/events/findings/finding.json, detection_finding.json; objects/finding_info.json, metadata.json,
 *   analytic.json, attack.json, evidences.json (required attributes and at_least_one constraints).
 * - CloudEvents 1.0.2: cloudevents/spec.md (required attributes, their types).
 */
import { z } from 'zod';

const escaped = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !/[<>]/.test(text) && !/&(?!(?:amp|lt|gt);)/.test(text), 'control characters of Slack stand unescaped');

export const slackMessage = z.strictObject({
  text: escaped(40_000),
  unfurl_links: z.literal(false),
  unfurl_media: z.literal(false),
  blocks: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({
          type: z.literal('header'),
          text: z.strictObject({ type: z.literal('plain_text'), text: escaped(150), emoji: z.boolean() }),
        }),
        z.strictObject({
          type: z.literal('section'),
          text: z.strictObject({ type: z.literal('mrkdwn'), text: escaped(3_000), verbatim: z.literal(true) }),
        }),
      ]),
    )
    .min(1)
    .max(50),
});

const labels = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string());
export const alertmanagerMessage = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.int().min(0),
  status: z.enum(['firing', 'resolved']),
  receiver: z.string().min(1),
  groupLabels: labels,
  commonLabels: labels,
  commonAnnotations: z.record(z.string(), z.string()),
  externalURL: z.string(),
  alerts: z.array(
    z.strictObject({
      status: z.enum(['firing', 'resolved']),
      labels,
      annotations: z.record(z.string(), z.string()),
      startsAt: z.iso.datetime(),
      endsAt: z.iso.datetime(),
      generatorURL: z.string(),
      fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
    }),
  ),
});

export const pagerdutyEvent = z.strictObject({
  routing_key: z.string().length(32),
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: z.string().min(1).max(255),
  client: z.string().optional(),
  payload: z.strictObject({
    summary: z.string().min(1).max(1_024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: z.iso.datetime(),
    component: z.string().optional(),
    group: z.string().optional(),
    class: z.string().optional(),
    custom_details: z.record(z.string(), z.unknown()).optional(),
  }),
});

const millis = z.int().min(0);
const finding = z.looseObject({
  activity_id: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  category_uid: z.literal(2),
  class_uid: z.literal(2004),
  type_uid: z.int(),
  severity_id: z.int().min(0).max(6),
  status_id: z.int().min(0).max(6),
  is_alert: z.boolean(),
  time: millis,
  start_time: millis,
  end_time: millis,
  count: z.int().min(1),
  message: z.string(),
  metadata: z.strictObject({
    version: z.string().regex(/^\d+\.\d+\.\d+$/),
    uid: z.string(),
    product: z.strictObject({ name: z.string(), vendor_name: z.string() }),
  }),
  finding_info: z.strictObject({
    uid: z.string().min(1),
    title: z.string(),
    first_seen_time: millis,
    last_seen_time: millis,
    analytic: z.strictObject({ type_id: z.int(), type: z.string(), uid: z.string(), name: z.string(), version: z.string() }).optional(),
    attacks: z
      .array(
        z.strictObject({ technique: z.strictObject({ uid: z.string() }), sub_technique: z.strictObject({ uid: z.string() }).optional() }),
      )
      .min(1)
      .optional(),
  }),
  // at_least_one of their constraint: data.
  evidences: z.array(z.strictObject({ data: z.record(z.string(), z.unknown()) })),
  unmapped: z.record(z.string(), z.unknown()),
});
export const ocsfFindings = z.array(finding.refine((one) => one.type_uid === one.class_uid * 100 + one.activity_id, 'type_uid')).min(1);

export const cloudEvent = z.strictObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  subject: z.string().min(1).optional(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: z.record(z.string(), z.unknown()),
});
