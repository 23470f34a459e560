import type { AlertRecord, Severity } from '@sealtrail/wire';

/** An alert as detection raised it: the record of docs/spec/alert.md. */
export type Alert = AlertRecord;
export type Level = Severity;

/** Least urgent first. */
export const LEVELS: readonly Level[] = ['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];

export const moreUrgent = (a: Level, b: Level): Level => (LEVELS.indexOf(a) >= LEVELS.indexOf(b) ? a : b);

/**
 * What matchers and groups see of an alert: `rule` (its id), `level`, `tenant`, and `group.NAME` for each group-by field.
 * A label that is not there counts as the empty text.
 */
export type Labels = ReadonlyMap<string, string>;

export function labelsOf(alert: Alert): Labels {
  const labels = new Map([
    ['rule', alert.rule_id],
    ['level', alert.level],
    ['tenant', alert.tenant],
  ]);
  for (const [name, value] of alert.group) labels.set(`group.${name}`, value);
  return labels;
}

/** Lower-case hex. */
export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const alertIdOf = (alert: Alert): string => hexOf(alert.id);
