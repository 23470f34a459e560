/** OCSF Detection Finding (schema.ocsf.io, class 2004, version 1.5.0): a list with one finding a group. */
import type { Level } from '../alert.ts';
import type { Message, MessageGroup } from '../message.ts';
import { type AlertView, type Disclosure, fitted, type GroupView, messageView } from './view.ts';
import { WEBHOOK_BYTES_MAX } from './webhook.ts';

const VERSION = '1.5.0';
const CATEGORY_FINDINGS = 2;
const DETECTION_FINDING = 2004;
const SEVERITY_IDS: Readonly<Record<Level, number>> = { INFORMATIONAL: 1, LOW: 2, MEDIUM: 3, HIGH: 4, CRITICAL: 5 };
const SEVERITY_NAMES: Readonly<Record<Level, string>> = {
  INFORMATIONAL: 'Informational',
  LOW: 'Low',
  MEDIUM: 'Medium',
  HIGH: 'High',
  CRITICAL: 'Critical',
};
/** Of analytics. */
const TYPE_RULE = 1;
const STATUS_NEW = 1;

/** `attack.t1078.004` names a sub-technique, `attack.t1110` a technique; other tags no technique. */
function attacksOf(tags: readonly string[]): readonly unknown[] {
  return tags.flatMap((tag) => {
    const found = /^attack\.(t\d{4})(\.\d{3})?$/i.exec(tag);
    if (found === null) return [];
    const technique = (found[1] as string).toUpperCase();
    return [{ technique: { uid: technique }, ...(found[2] === undefined ? {} : { sub_technique: { uid: `${technique}${found[2]}` } }) }];
  });
}

function finding(message: Message, group: MessageGroup, view: GroupView): unknown {
  const [alert] = view.alerts as readonly (AlertView | undefined)[];
  const [activity, activityName] = group.first ? [1, 'Create'] : [2, 'Update'];
  const attacks = attacksOf(alert?.tags ?? []);
  const millis = (micros: number): number => Math.floor(micros / 1_000);
  return {
    activity_id: activity,
    activity_name: activityName,
    category_uid: CATEGORY_FINDINGS,
    category_name: 'Findings',
    class_uid: DETECTION_FINDING,
    class_name: 'Detection Finding',
    type_uid: DETECTION_FINDING * 100 + activity,
    type_name: `Detection Finding: ${activityName}`,
    severity_id: SEVERITY_IDS[group.level],
    severity: SEVERITY_NAMES[group.level],
    status_id: STATUS_NEW,
    status: 'New',
    is_alert: true,
    time: message.made_at_ms,
    start_time: millis(group.first_seen),
    end_time: millis(group.last_seen),
    count: group.count,
    message: `${view.count === 1 ? '1 alert' : `${view.count} alerts`}: ${view.title}`,
    metadata: { version: VERSION, uid: message.id, product: { name: 'Sealtrail', vendor_name: 'Sealtrail' } },
    finding_info: {
      uid: group.id,
      title: view.title,
      first_seen_time: millis(group.first_seen),
      last_seen_time: millis(group.last_seen),
      ...(alert === undefined
        ? {}
        : { analytic: { type_id: TYPE_RULE, type: 'Rule', uid: alert.rule.id, name: alert.rule.title, version: alert.rule.version } }),
      ...(attacks.length === 0 ? {} : { attacks }),
    },
    evidences: view.alerts.map((one) => ({ data: one })),
    unmapped: { labels: view.labels, listed: view.listed, groups_count: message.groups_count, repeated: message.repeated },
  };
}

export const ocsfBody = (message: Message, disclosure: Disclosure): string =>
  fitted(message, WEBHOOK_BYTES_MAX, (fit) => {
    const { groups } = messageView(fit, disclosure);
    return fit.groups.map((group, i) => finding(fit, group, groups[i] as GroupView));
  });
