import type { Level } from '../alert.ts';

/** How far a message has come on its way to one notifier. The row with the largest sequence counts. */
export interface DeliveryRow {
  readonly message_id: string;
  readonly notifier: string;
  /** 0, 1, 2… of the message. */
  readonly sequence: number;
  /** DEAD: the last attempt failed, or trying again cannot help. It can be sent again. */
  readonly state: 'QUEUED' | 'DELIVERED' | 'DEAD';
  /** So far, since it was last queued. */
  readonly attempts: number;
  /** ms since 1970. */
  readonly created_at: number;
  readonly updated_at: number;
  /** Not before; null when it is no longer queued. */
  readonly next_attempt_at: number | null;
  /** Of the last attempt: HTTP status where there was an answer, and why it failed. */
  readonly status: number | null;
  readonly reason: string | null;
  readonly level: Level;
  /** Alerts that the message stands for. */
  readonly alerts_count: number;
  /** Its groups, and the ids of the alerts that it lists, 16 bytes each. */
  readonly groups: readonly string[];
  readonly alerts: readonly Uint8Array[];
  /** What is sent, without any secret. */
  readonly body: string;
}

/** Where deliveries are kept. The alert store of `@sealtrail/ledger-store` is one. Reads throw. */
export interface DeliveryStore {
  /** Inserting a row again is harmless. Anything but `stored`: it may be there or not. */
  insertDeliveries(
    rows: readonly DeliveryRow[],
  ): Promise<{ readonly kind: 'stored' } | { readonly kind: 'in_doubt' | 'refused'; readonly cause: Error }>;
  /** QUEUED rows of a notifier, by (created_at, message_id). */
  queuedDeliveries(notifier: string, rows_max: number): Promise<readonly DeliveryRow[]>;
  delivery(notifier: string, message_id: string): Promise<DeliveryRow | null>;
}

/** Keeps what `Hygiene.state()` gives, as text. */
export interface AlertStateStore {
  /** null where nothing was kept. */
  load(): Promise<string | null>;
  /** Durable when it resolves, whole or not at all. */
  save(state: string): Promise<void>;
}

export interface MemoryDeliveryStore extends DeliveryStore, AlertStateStore {
  /** The rows that count. */
  rows(): readonly DeliveryRow[];
}

export function createMemoryDeliveryStore(): MemoryDeliveryStore {
  const rows = new Map<string, DeliveryRow>();
  let kept: string | null = null;
  const keyOf = (notifier: string, id: string): string => JSON.stringify([notifier, id]);
  return {
    async insertDeliveries(added) {
      for (const row of added) {
        const key = keyOf(row.notifier, row.message_id);
        if (row.sequence >= (rows.get(key)?.sequence ?? 0)) rows.set(key, { ...row });
      }
      return { kind: 'stored' };
    },
    async queuedDeliveries(notifier, rowsMax) {
      return [...rows.values()]
        .filter((row) => row.notifier === notifier && row.state === 'QUEUED')
        .sort((a, b) => a.created_at - b.created_at || (a.message_id < b.message_id ? -1 : 1))
        .slice(0, rowsMax);
    },
    delivery: async (notifier, id) => rows.get(keyOf(notifier, id)) ?? null,
    rows: () => [...rows.values()],
    load: async () => kept,
    async save(state) {
      kept = state;
    },
  };
}
