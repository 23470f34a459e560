/** The body that Prometheus' Alertmanager sends to a webhook, version 4 (prometheus.io, "webhook_config"). */
import type { Message } from '../message.ts';
import { type AlertView, type Disclosure, fitted, type GroupView, messageView, summaryOf } from './view.ts';
import { WEBHOOK_BYTES_MAX } from './webhook.ts';

type Texts = Readonly<Record<string, string>>;

/** An alert is a point in time: it has no end, which this stands for. */
const NO_END = '0001-01-01T00:00:00Z';

/** Label names of Prometheus: letters, digits and underscores. */
const labelName = (name: string): string => name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');

const labelsOf = ({ rule, level, tenant, group }: AlertView): Texts => ({
  ...Object.fromEntries(Object.entries(group).map(([name, value]) => [labelName(`group_${name}`), value])),
  alertname: rule.title,
  rule: rule.id,
  severity: level,
  tenant,
});

const groupLabels = ({ labels }: GroupView): Texts =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [labelName(name), value]));

/** Labels that all have with the same value. */
function common(all: readonly Texts[]): Texts {
  const [first = {}, ...others] = all;
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => others.every((one) => one[name] === value)));
}

const SUMMARY_CHARACTERS_MAX = 500;

export const alertmanagerBody = (message: Message, disclosure: Disclosure, source: string): string =>
  fitted(message, WEBHOOK_BYTES_MAX, (fit) => {
    const view = messageView(fit, disclosure);
    const [group] = view.groups;
    const alerts = view.groups.flatMap((one) => one.alerts);
    const alone = view.kind === 'group' && group !== undefined ? group : null;
    const labels = alerts.map(labelsOf);
    const truncated = view.count - alerts.length;
    return {
      version: '4',
      groupKey: alone === null ? `digest:${view.id}` : alone.id,
      truncatedAlerts: truncated,
      status: 'firing',
      receiver: fit.notifier,
      groupLabels: alone === null ? {} : groupLabels(alone),
      // Of alerts that are not listed only what the group is by is known to be theirs too.
      commonLabels: truncated === 0 ? common(labels) : alone === null ? {} : groupLabels(alone),
      commonAnnotations: { summary: summaryOf(view, SUMMARY_CHARACTERS_MAX), count: String(view.count), groups: String(view.groups_count) },
      externalURL: source,
      alerts: alerts.map((alert, i) => ({
        status: 'firing',
        labels: labels[i],
        annotations: {
          summary: alert.rule.title,
          alert_id: alert.id,
          rule_version: alert.rule.version,
          events_count: String(alert.events_count),
          first_seen: alert.first_seen,
          last_seen: alert.last_seen,
          ...(alert.value === null ? {} : { value: String(alert.value) }),
        },
        startsAt: alert.first_seen,
        endsAt: NO_END,
        generatorURL: source,
        fingerprint: alert.id.slice(0, 16),
      })),
    };
  });
