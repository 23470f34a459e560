import type { Verdict } from '@sealtrail/verify';
import type { Operations, PlainAlert } from '../control/operations.ts';

/** An alert with the entry that completed it; null where that is not stored. */
export interface RaisedAlert extends PlainAlert {
  readonly entry: number | null;
  /** Who acted, as the entry has it: empty where nobody had signed in. */
  readonly actor: string | null;
}

/** What became of the proofs of all events that one alert rests on. */
export interface AlertProven {
  readonly alert: string;
  readonly title: string;
  readonly entries: readonly number[];
  /** One for each event; null where there is no proof. */
  readonly verdicts: readonly (Verdict | null)[];
}

const ALERTS_MAX = 1_000;

/** All alerts, in the order in which the attacks completed them. */
export async function raisedAlerts(operations: Operations): Promise<readonly RaisedAlert[]> {
  const alerts = await operations.alerts({ id: null, tenant: null, rule_id: null, levels: null, canaries: false, rows_max: ALERTS_MAX });
  const placed = alerts.map((alert) => ({ alert, place: alert.evidence.at(-1) }));
  const found = await entriesAt(
    operations,
    placed.flatMap(({ place }) => (place === undefined ? [] : [place])),
  );
  return placed
    .map(({ alert, place }) => ({ ...alert, ...((place && found.get(keyOf(place))) ?? { entry: null, actor: null }) }))
    .sort((a, b) => (a.last_seen < b.last_seen ? -1 : a.last_seen > b.last_seen ? 1 : 0));
}

type Place = Pick<PlainAlert['evidence'][number], 'partition' | 'offset' | 'index'>;
const keyOf = ({ partition, offset, index }: Place): string => `${partition}/${offset}/${index}`;

/** Entries by their places in the event log, as an analyst finds them. */
async function entriesAt(
  operations: Operations,
  places: readonly Place[],
): Promise<ReadonlyMap<string, { readonly entry: number; readonly actor: string }>> {
  if (places.length === 0) return new Map();
  const wanted = places.map(({ partition, offset, index }) => `(${partition}, ${offset}, ${index})`).join(', ');
  const { rows } = await operations.sql({
    sql: `SELECT partition, offset, batch_index AS index, entry, actor_id AS actor FROM audit_events WHERE (partition, offset, batch_index) IN (${wanted})`,
    rows_max: places.length,
  });
  return new Map(
    rows.map((row) => {
      const place = { partition: Number(row['partition']), offset: Number(row['offset']), index: Number(row['index']) };
      return [keyOf(place), { entry: Number(row['entry']), actor: String(row['actor']) }];
    }),
  );
}

/** Takes one of the gravest alerts, and verifies the proof of each event that it rests on. null where no alert was raised. */
export async function proveOneAlert(
  operations: Operations,
  alerts: readonly RaisedAlert[],
  verify: (proof: string) => Verdict,
): Promise<AlertProven | null> {
  const chosen = alerts.find(({ level }) => level === 'HIGH') ?? alerts[0];
  if (chosen === undefined) return null;
  const { proofs } = await operations.proveAlert({ id: chosen.id });
  return {
    alert: chosen.id,
    title: chosen.rule_title,
    entries: proofs.flatMap(({ entry }) => (entry === null ? [] : [entry])),
    verdicts: proofs.map(({ proof }) => (proof === null ? null : verify(proof))),
  };
}

/** Whether there are proofs, one for each event, and all of them hold. */
export const provenHolds = ({ verdicts }: AlertProven): boolean => verdicts.length > 0 && verdicts.every((verdict) => verdict?.ok === true);
