import { AUDIT, type DetectionEvent, derivedField, type FieldValue, type LogSource, PIPELINE } from '@sealtrail/detection';

export type Fields = Readonly<Record<string, FieldValue>>;

const NO_FIELDS: Fields = Object.freeze({});

/** An event of the made-up traffic. `incident` is the label: which attack or fault it belongs to, null for benign. */
export class TrafficEvent implements DetectionEvent {
  readonly id: string;
  readonly tenant: string;
  readonly time_us: number;
  readonly incident: string | null;
  readonly logsource: LogSource;
  /** Who, by which token; shared by all events of a token. */
  readonly actor: Fields;
  /** From where, with what; shared by all events of a device in a network. */
  readonly origin: Fields;
  readonly act: Fields;

  constructor(id: string, tenant: string, time_us: number, parts: { actor: Fields; origin: Fields; act: Fields }, incident: string | null) {
    this.id = id;
    this.tenant = tenant;
    this.time_us = time_us;
    this.incident = incident;
    this.actor = parts.actor;
    this.origin = parts.origin;
    this.act = parts.act;
    this.logsource = 'finding' in parts.act ? PIPELINE : AUDIT;
  }

  field(name: string): FieldValue | undefined {
    const own = this.act[name] ?? this.origin[name] ?? this.actor[name];
    if (own !== undefined) return own;
    if (name === 'occurred_at') return this.time_us;
    if (name === 'tenant') return this.tenant;
    return derivedField(name, (other) => this.field(other));
  }

  *values(): Iterable<FieldValue> {
    for (const part of [this.act, this.origin, this.actor]) yield* Object.values(part);
  }
}

/** Where events of one tenant and day are put. */
export interface Stage {
  /** Seconds since 1970 of the day's midnight in UTC. */
  readonly midnight_s: number;
  emit(time_s: number, parts: { readonly actor?: Fields; readonly origin?: Fields; readonly act: Fields }): void;
}

/** A stage that keeps its events. Ids are unique within the tenant. */
export function createStage(
  tenant: string,
  midnight_s: number,
  prefix: string,
  incident: string | null,
): Stage & { readonly events: TrafficEvent[] } {
  const events: TrafficEvent[] = [];
  return {
    midnight_s,
    events,
    emit(time_s, { actor = NO_FIELDS, origin = NO_FIELDS, act }) {
      const id = `${prefix}-${events.length.toString(36)}`;
      events.push(new TrafficEvent(id, tenant, Math.round(time_s * 1e6), { actor, origin, act }, incident));
    },
  };
}
