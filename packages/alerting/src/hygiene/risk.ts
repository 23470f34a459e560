import type { Labels, Level } from '../alert.ts';

export interface RiskSettings {
  readonly scores: Readonly<Record<Level, number>>;
  /** Labels that may name who acted; the first that an alert has is its entity, within its tenant. */
  readonly entity_labels: readonly string[];
  /** After this long an entity's accumulated score is half of what it was. */
  readonly half_life_ms: number;
  /** Alerts whose accumulated score is lower are kept and shown, and nobody is told. 0 tells everything. */
  readonly notify_from: number;
  /** Entities that are remembered; the one that was touched longest ago is forgotten first, and counted. */
  readonly entities_max: number;
}

const HOUR_MS = 3_600_000;
export const RISK_DEFAULTS: RiskSettings = {
  scores: { INFORMATIONAL: 1, LOW: 10, MEDIUM: 30, HIGH: 60, CRITICAL: 90 },
  entity_labels: ['group.actor_id', 'group.source_ip'],
  half_life_ms: 6 * HOUR_MS,
  notify_from: 0,
  entities_max: 100_000,
};

export interface Risk {
  /** By the alert's level alone. */
  readonly score: number;
  /** That and what its entity has gathered before, halved as time passed. */
  readonly accumulated: number;
  readonly entity: string | null;
}

/** An entity's score as it was at a time. */
export type RiskState = readonly (readonly [entity: string, score: number, at_ms: number])[];

export interface RiskScores {
  /** Changes nothing. */
  assess(level: Level, labels: Labels, now_ms: number): Risk;
  /** Adds an assessed alert to its entity's score. */
  add(risk: Risk, now_ms: number): void;
  /** Entities forgotten for want of room. */
  readonly forgotten: number;
  state(): RiskState;
}

export function createRiskScores(settings: RiskSettings, state: RiskState = []): RiskScores {
  const entities = new Map(state.map(([entity, score, at_ms]) => [entity, { score, at_ms }]));
  let forgotten = 0;
  const gathered = (entity: string | null, now_ms: number): number => {
    const known = entity === null ? undefined : entities.get(entity);
    return known === undefined ? 0 : known.score * 2 ** (-Math.max(0, now_ms - known.at_ms) / settings.half_life_ms);
  };
  return {
    assess(level, labels, now_ms) {
      const label = settings.entity_labels.find((name) => (labels.get(name) ?? '') !== '');
      const entity = label === undefined ? null : JSON.stringify([labels.get('tenant') ?? '', label, labels.get(label)]);
      const score = settings.scores[level];
      return { score, entity, accumulated: score + gathered(entity, now_ms) };
    },
    add({ score, entity }, now_ms) {
      if (entity === null) return;
      const total = score + gathered(entity, now_ms);
      // Taken out and put back, so that the first of the map is the one that was touched longest ago.
      entities.delete(entity);
      entities.set(entity, { score: total, at_ms: now_ms });
      if (entities.size <= settings.entities_max) return;
      for (const oldest of entities.keys()) {
        entities.delete(oldest);
        forgotten++;
        break;
      }
    },
    get forgotten() {
      return forgotten;
    },
    state: () => Array.from(entities, ([entity, { score, at_ms }]) => [entity, score, at_ms] as const),
  };
}
