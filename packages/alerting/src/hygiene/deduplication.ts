export interface DeduplicationSettings {
  /** Ids that are remembered; the oldest is forgotten first, and counted. */
  readonly ids_max: number;
}
export const DEDUPLICATION_DEFAULTS: DeduplicationSettings = { ids_max: 100_000 };

/** Ids, oldest first. */
export type DeduplicationState = readonly string[];

/** An alert's id follows from what it is about: the same id is the same alert, sent or found again. */
export interface Deduplication {
  has(id: string): boolean;
  add(id: string): void;
  readonly forgotten: number;
  state(): DeduplicationState;
}

export function createDeduplication(settings: DeduplicationSettings, state: DeduplicationState = []): Deduplication {
  const ids = new Set(state);
  let forgotten = 0;
  return {
    has: (id) => ids.has(id),
    add(id) {
      ids.add(id);
      if (ids.size <= settings.ids_max) return;
      for (const oldest of ids) {
        ids.delete(oldest);
        forgotten++;
        break;
      }
    },
    get forgotten() {
      return forgotten;
    },
    state: () => [...ids],
  };
}
