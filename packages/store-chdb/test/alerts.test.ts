import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { alertStoreConformance } from '@sealtrail/ledger-store/conformance';
import { ALERT_DELIVERIES } from '@sealtrail/ledger-store/sql';
import { expect, it } from 'vitest';
import { type ChdbLedgerStore, openChdbStore } from '../src/index.ts';
import { temporaryFolder, valueOf } from './temporary.ts';

let open: ChdbLedgerStore | undefined;

alertStoreConformance('store-chdb', {
  async open() {
    open = await openChdbStore({ dir: await temporaryFolder() });
    return open.alerts;
  },
  async discard() {
    await open?.close();
    if (open !== undefined) await rm(open.dir, { recursive: true, force: true });
  },
});

it('alerts stay when the store is opened again, are merged to one row a message, and can be asked for in SQL', async () => {
  const dir = await temporaryFolder();
  const first = await openChdbStore({ dir });
  const delivery = {
    message_id: 'msg_1',
    notifier: 'chat',
    state: 'QUEUED' as const,
    attempts: 0,
    created_at: 1,
    updated_at: 1,
    next_attempt_at: 1,
    status: null,
    reason: null,
    level: 'LOW' as const,
    alerts_count: 1,
    groups: [],
    alerts: [],
    body: '{}',
  };
  for (const sequence of [1, 3, 2]) expect(await first.alerts.insertDeliveries([{ ...delivery, sequence }])).toEqual({ kind: 'stored' });
  await first.alterUnguarded(`OPTIMIZE TABLE ${ALERT_DELIVERIES.name} FINAL`);
  await first.close();
  const second = await openChdbStore({ dir });
  try {
    expect(await valueOf(second, 'SELECT count() FROM alert_deliveries')).toBe(1);
    expect((await second.alerts.delivery('chat', 'msg_1'))?.sequence).toBe(3);
    expect(await valueOf(second, "SELECT count() FROM alerts WHERE fate = 'GROUPED'")).toBe(0);
    const page = readFileSync(new URL('../../../docs/operations/alerts.md', import.meta.url), 'utf8');
    const questions = page.match(/^ {4}SELECT .*$/gm) ?? [];
    expect(questions.length).toBeGreaterThan(2);
    for (const sql of questions) expect((await second.select(sql.trim())).columns.length, sql).toBeGreaterThan(2);
    await second.close();
    await expect(second.alerts.alerts({ rows_max: 1 })).rejects.toMatchObject({ code: 'store_closed' });
    expect((await second.alerts.insertDeliveries([{ ...delivery, sequence: 4 }])).kind).toBe('in_doubt');
  } finally {
    await second.close();
    await rm(dir, { recursive: true, force: true });
  }
});
