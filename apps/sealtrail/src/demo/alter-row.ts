import { Session } from 'chdb';

export interface AlteredRow {
  readonly tenant: string;
  readonly entry: number;
  /** What was changed, for people. */
  readonly column: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Alters one row as somebody would who has the store's files and an engine: past the ledger, past the CHECK constraint, by a
 * plain ALTER UPDATE. The store must be closed.
 */
export async function alterRow(storeFolder: string, tenant: string): Promise<AlteredRow> {
  const session = new Session(storeFolder);
  try {
    const text = (
      await session.queryAsync(
        `SELECT entry, actor_id FROM sealtrail.entries WHERE tenant = '${tenant}' AND outcome = 'DENIED' AND actor_id != '' ORDER BY entry LIMIT 1 FORMAT JSONEachRow`,
      )
    ).text();
    const row = JSON.parse(text.trim()) as { readonly entry: number | string; readonly actor_id: string };
    const entry = Number(row.entry);
    const to = 'somebody-else';
    await session.queryAsync(
      `ALTER TABLE sealtrail.entries UPDATE actor_id = '${to}' WHERE tenant = '${tenant}' AND entry = ${entry} SETTINGS mutations_sync = 2`,
    );
    return { tenant, entry, column: 'actor_id', from: row.actor_id, to };
  } finally {
    session.close();
  }
}
