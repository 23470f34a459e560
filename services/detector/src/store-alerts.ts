import type { Alert } from '@sealtrail/detection';
import type { AlertStore } from '@sealtrail/ledger-store';
import type { Sha256 } from '@sealtrail/merkle';
import { alertRecord } from './alert-record.ts';
import { type StoreFinding, storeEvent } from './pipeline-event.ts';
import type { AlertSink, DetectionRules } from './ports.ts';

export interface StoreAlertsOptions {
  readonly rules: Pick<DetectionRules, 'engine'>;
  readonly sha256: Sha256;
  readonly sink: AlertSink;
  readonly store: Pick<AlertStore, 'alert'>;
  /** When the check was made, in ms since 1970: such a finding has no time of its own. */
  readonly checked_ms: number;
}

/** Findings that are evaluated: a store that is altogether wrong is told by these, and in full by the report. */
const FINDINGS_MAX = 1_000;

/**
 * Evaluates the rules on what a check of the store found, and raises their alerts. They rest on no record, so they have no
 * evidence but fsck itself. What was raised at an earlier check is left as it is. Gives the number of new alerts; throws what
 * sink and store throw.
 */
export async function raiseStoreAlerts(
  { rules, sha256, sink, store, checked_ms }: StoreAlertsOptions,
  findings: readonly StoreFinding[],
): Promise<number> {
  const engine = rules.engine.fresh();
  const found: Alert[] = [];
  for (const finding of findings.slice(0, FINDINGS_MAX)) {
    found.push(...engine.evaluate(storeEvent(sha256, finding, checked_ms * 1000)).alerts);
  }
  found.push(...engine.advance(Number.MAX_SAFE_INTEGER));
  const records = found.map((alert) => alertRecord(alert, { get: () => null }, checked_ms));
  const known = await Promise.all(records.map(({ id }) => store.alert(id)));
  const fresh = records.filter((_, i) => known[i] === null);
  if (fresh.length > 0) await sink.raise(fresh);
  return fresh.length;
}
