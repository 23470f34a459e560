/** Alerting over the alert store of the ledger: the one's port is the other's, and what is kept is enough to go on with. */
import type { AlertRow, AlertStore } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../src/alert.ts';
import { createDispatcher } from '../src/delivery/dispatcher.ts';
import type { Notifier } from '../src/delivery/notifier.ts';
import type { DeliveryStore } from '../src/delivery/store.ts';
import type { Admission, Fate } from '../src/hygiene/hygiene.ts';
import { MINUTE, NOW, sampleAlert, sampleHygiene } from './sample.ts';
import { virtualTime } from './virtual-time.ts';

const detailOf = (fate: Fate): string => {
  switch (fate.kind) {
    case 'inhibited':
      return fate.rule;
    case 'silenced':
      return fate.silence;
    case 'low_risk':
      return String(fate.needed);
    default:
      return '';
  }
};
/** As a detector stores an alert: a duplicate too. */
const rowOf = (alert: Alert, { fate, risk }: Admission): AlertRow => ({
  alert,
  fate: fate.kind.toUpperCase() as AlertRow['fate'],
  fate_detail: detailOf(fate),
  risk_score: risk.score,
  risk_accumulated: risk.accumulated,
  groups: fate.kind === 'grouped' ? [...new Set(fate.groups.map(({ group }) => group))] : [],
});

describe('the alert store', () => {
  it('takes every fate that there is, and shows later what held an alert', async () => {
    const store: AlertStore = createMemoryAlertStore();
    const hygiene = sampleHygiene({ risk: { notify_from: 20, entity_labels: [] } });
    hygiene.silence({
      id: 's1',
      matchers: [{ label: 'tenant', values: ['globex'] }],
      from_ms: NOW,
      until_ms: NOW + 1,
      by: 'olga',
      why: 'test',
    });
    const alerts = [sampleAlert('1'), sampleAlert('2', { tenant: 'globex' }), sampleAlert('3', { level: 'LOW' }), sampleAlert('1')];
    expect(await store.insertAlerts(alerts.map((alert) => rowOf(alert, hygiene.admit(alert, NOW))))).toEqual({ kind: 'stored' });
    const fates = await Promise.all(alerts.slice(0, 3).map(async ({ id }) => store.alert(id)));
    expect(fates.map((row) => [row?.fate, row?.fate_detail])).toEqual([
      ['GROUPED', ''],
      ['SILENCED', 's1'],
      ['LOW_RISK', '20'],
    ]);
    const [message] = hygiene.messages(NOW + MINUTE);
    expect((await store.alerts({ group: message?.groups[0]?.id ?? '', rows_max: 10 })).length).toBe(message?.count);
  });

  it('keeps deliveries, so that a dead letter can be looked for and sent again by the next process', async () => {
    const alertStore = createMemoryAlertStore();
    const store: DeliveryStore = alertStore;
    const time = virtualTime(NOW);
    let isUp = false;
    const notifier: Notifier = {
      name: 'slack',
      body: ({ count }) => JSON.stringify({ count }),
      deliver: async () => (isUp ? { kind: 'delivered', status: 200 } : { kind: 'refused', reason: 'http_status', status: 404 }),
    };
    const open = () => createDispatcher({ notifiers: [notifier], store, clock_ms: time.now, random: () => 0, timers: time });
    const hygiene = sampleHygiene();
    hygiene.admit(sampleAlert('1'), NOW);
    const first = open();
    await first.enqueue(hygiene.messages(NOW + MINUTE));
    await time.settle();
    await first.stop();
    const dead = await alertStore.deliveries({ states: ['DEAD'], rows_max: 10 });
    expect(dead).toMatchObject([{ message_id: 'msg_1', notifier: 'slack', status: 404, reason: 'http_status', body: '{"count":1}' }]);
    isUp = true;
    const second = open();
    second.start();
    await second.resend('slack', 'msg_1');
    await time.settle();
    await second.stop();
    expect(await alertStore.deliveries({ states: ['DEAD'], rows_max: 10 })).toEqual([]);
    expect(await alertStore.delivery('slack', 'msg_1')).toMatchObject({ state: 'DELIVERED', sequence: 3 });
  });
});
