import { AlertingError, createHygiene, GROUPING_DEFAULTS, type Hygiene, type Matcher, type Silence } from '@sealtrail/alerting';
import type { AlertActionRow, AlertStore } from '@sealtrail/ledger-store';

export interface FollowedActions {
  /** Reads what people did since the last look and applies it; true where something changed. Throws LedgerStoreError. */
  look(now_ms: number): Promise<boolean>;
}

export interface FollowActionsOptions {
  readonly store: Pick<AlertStore, 'actions' | 'alert' | 'alerts'>;
  readonly hygiene: Pick<Hygiene, 'silence' | 'unsilence' | 'silences' | 'acknowledge'>;
  /** A row that cannot be applied: it is passed by. */
  readonly onUnusable: (cause: AlertingError) => void;
}

/** No silence lasts longer. */
const FIRST_LOOK_MS = 90 * 86_400_000;
/** Rows carry the clock of whoever acted, and may come late: each look goes back so far. */
const LOOK_BACK_MS = 3_600_000;
const PAGE_ROWS_MAX = 1_000;

/**
 * Follows what people do about alerts in the store's table, so that a silence or an acknowledgement reaches a detector wherever
 * it runs. Each row may be applied again: after a restart they are.
 */
export function followActions({ store, hygiene, onUnusable }: FollowActionsOptions): FollowedActions {
  /** Rows that were dealt with, by id, with their time. */
  const done = new Map<string, number>();
  let from_ms: number | null = null;

  async function unseen(since_ms: number): Promise<readonly AlertActionRow[]> {
    const found: AlertActionRow[] = [];
    for (let after: { readonly at: number; readonly id: string } | undefined; ; ) {
      const page = await store.actions({ rows_max: PAGE_ROWS_MAX, ...(after === undefined ? {} : { after }) });
      found.push(...page.filter(({ id, at }) => at >= since_ms && !done.has(id)));
      const last = page.at(-1);
      if (last === undefined || last.at < since_ms || page.length < PAGE_ROWS_MAX) return found.reverse();
      after = last;
    }
  }

  /** Void where an alert of the group came after it: the group is to be told of again. */
  async function acknowledge({ alert_id, at }: AlertActionRow): Promise<boolean> {
    const row = alert_id === null ? null : await store.alert(alert_id);
    const groups: string[] = [];
    for (const group of row?.groups ?? []) {
      const [latest] = await store.alerts({ group, rows_max: 1 });
      if ((latest?.alert.raised_at ?? 0) <= at) groups.push(group);
    }
    hygiene.acknowledge(groups);
    return groups.length > 0;
  }

  async function apply(row: AlertActionRow, ended: ReadonlySet<string>, now_ms: number): Promise<boolean> {
    const id = row.silence_id;
    switch (row.action) {
      case 'ACKNOWLEDGED':
        // A group that is no longer active is not told of again anyway.
        return row.at < now_ms - GROUPING_DEFAULTS.active_for_ms ? false : acknowledge(row);
      case 'UNSILENCED':
        return id !== null && hygiene.unsilence(id);
      case 'SILENCED': {
        const { silence_from: from_ms, silence_until: until_ms, by, why } = row;
        if (id === null || from_ms === null || until_ms === null || until_ms <= now_ms || ended.has(id)) return false;
        if (hygiene.silences().some((known) => known.id === id)) return false;
        hygiene.silence({ id, matchers: matchersOf(row), from_ms, until_ms, by, why });
        return true;
      }
    }
  }

  return {
    async look(now_ms) {
      const since_ms = from_ms ?? now_ms - FIRST_LOOK_MS;
      const rows = await unseen(since_ms);
      const ended = new Set(rows.flatMap(({ action, silence_id }) => (action === 'UNSILENCED' && silence_id !== null ? [silence_id] : [])));
      let changed = false;
      for (const row of rows) {
        try {
          if (await apply(row, ended, now_ms)) changed = true;
        } catch (error) {
          if (!(error instanceof AlertingError)) throw error;
          onUnusable(error);
        }
        done.set(row.id, row.at);
      }
      from_ms = now_ms - LOOK_BACK_MS;
      for (const [id, at] of done) if (at < from_ms) done.delete(id);
      return changed;
    },
  };
}

/**
 * Silences that hold at `now_ms`, or will, by the store's table alone: those that a detector has which followed it. Rows that it
 * passes by are passed by here too. Throws LedgerStoreError.
 */
export async function standingSilences(
  store: Pick<AlertStore, 'actions' | 'alert' | 'alerts'>,
  now_ms: number,
): Promise<readonly Silence[]> {
  const hygiene = createHygiene({ routes: [], new_id: () => '', digest: (text) => text });
  const aboutSilences: typeof store = {
    alert: (id) => store.alert(id),
    alerts: (query) => store.alerts(query),
    actions: (query) => store.actions({ ...query, actions: ['SILENCED', 'UNSILENCED'] }),
  };
  await followActions({ store: aboutSilences, hygiene, onUnusable: () => undefined }).look(now_ms);
  return hygiene.silences();
}

/** Throws AlertingError `settings_invalid`; what the matchers mean is judged by whoever takes them. */
function matchersOf({ id, matchers }: AlertActionRow): readonly Matcher[] {
  try {
    return JSON.parse(matchers ?? '') as readonly Matcher[];
  } catch {
    // The parser's message would quote the row.
    throw new AlertingError(
      'settings_invalid',
      `the action ${id} of the table alert_actions has no matchers that can be read; silence again`,
    );
  }
}
