import type { Alert, Level } from '@sealtrail/detection';
import type { AlertRecord, Severity } from '@sealtrail/wire';
import type { EvidencePlace, EvidencePlaces } from './evidence-places.ts';

const SEVERITIES: Readonly<Record<Level, Severity>> = {
  informational: 'INFORMATIONAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  critical: 'CRITICAL',
};

/**
 * The alert as it is stored and sent (docs/spec/alert.md), with the places of what it rests on. An event whose place was
 * forgotten is left out of the evidence, and counts all the same.
 *
 * @param fallback_ms when the log took the record in hand, for alerts whose anchor has no place: silence, for one
 */
export function alertRecord(alert: Alert, places: Pick<EvidencePlaces, 'get'>, fallback_ms: number): AlertRecord {
  const evidence: EvidencePlace[] = [];
  for (const event of alert.events) {
    const kept = places.get(alert.tenant, event);
    if (kept !== null) evidence.push(kept.place);
  }
  return {
    id: Buffer.from(alert.id, 'hex'),
    rule_id: alert.rule.id,
    rule_version: Buffer.from(alert.rule.version, 'hex'),
    rule_title: alert.rule.title,
    level: SEVERITIES[alert.rule.level],
    tags: alert.rule.tags,
    tenant: alert.tenant,
    group: new Map(Object.entries(alert.group)),
    first_seen: alert.first_us,
    last_seen: alert.last_us,
    raised_at: places.get(alert.tenant, alert.anchor)?.received_ms ?? fallback_ms,
    anchor_event_id: Buffer.from(alert.anchor, 'hex'),
    value: alert.value,
    late: alert.late,
    events_count: alert.events_count,
    evidence,
  };
}
