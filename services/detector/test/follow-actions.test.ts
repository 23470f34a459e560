import { AlertingError, createHygiene, type Hygiene } from '@sealtrail/alerting';
import type { AlertActionRow, AlertRow, AlertStore } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { sampleAlert } from '../../../packages/alerting/test/sample.ts';
import { followActions } from '../src/follow-actions.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const row = (id: string, parts: Partial<AlertActionRow>): AlertActionRow => ({
  id,
  action: 'SILENCED',
  alert_id: null,
  silence_id: null,
  matchers: null,
  silence_from: null,
  silence_until: null,
  by: 'olga',
  why: 'a test of ours',
  at: NOW,
  ...parts,
});
const silenced = (id: string, at: number, until: number): AlertActionRow =>
  row(`made ${id}`, {
    silence_id: id,
    matchers: '[{"label":"tenant","values":["acme"]}]',
    silence_from: at,
    silence_until: until,
    at,
  });

let store: AlertStore;
let hygiene: Hygiene;
let acknowledged: readonly string[][];
let unusable: AlertingError[];
beforeEach(() => {
  store = createMemoryAlertStore();
  hygiene = createHygiene({ routes: [], new_id: () => 'id', digest: (text) => text });
  acknowledged = [];
  unusable = [];
});
const follow = (): ReturnType<typeof followActions> =>
  followActions({
    store,
    hygiene: {
      silence: hygiene.silence,
      unsilence: hygiene.unsilence,
      silences: hygiene.silences,
      acknowledge: (groups) => void (acknowledged = [...acknowledged, [...groups]]),
    },
    onUnusable: (cause) => unusable.push(cause),
  });
const silences = (): readonly string[] => hygiene.silences().map(({ id }) => id);

describe('followActions', () => {
  it('applies a silence and its end once each, wherever they were made', async () => {
    const followed = follow();
    expect(await followed.look(NOW)).toBe(false);
    await store.insertActions([silenced('s1', NOW - 10, NOW + HOUR)]);
    expect(await followed.look(NOW)).toBe(true);
    expect(hygiene.silences()[0]).toMatchObject({ id: 's1', until_ms: NOW + HOUR, by: 'olga', matchers: [{ values: ['acme'] }] });
    expect(await followed.look(NOW + 5_000)).toBe(false);
    await store.insertActions([row('ended', { action: 'UNSILENCED', silence_id: 's1', at: NOW + 6_000 })]);
    expect(await followed.look(NOW + 10_000)).toBe(true);
    expect(silences()).toEqual([]);
    expect(await followed.look(NOW + 15_000)).toBe(false);
  });

  it('makes again after a restart what still holds, and nothing that was ended or is over', async () => {
    await store.insertActions([
      silenced('holds', NOW - 80 * 24 * HOUR, NOW + HOUR),
      silenced('over', NOW - 2 * HOUR, NOW - HOUR),
      silenced('ended', NOW - 2 * HOUR, NOW + HOUR),
      row('end', { action: 'UNSILENCED', silence_id: 'ended', at: NOW - HOUR }),
    ]);
    expect(await follow().look(NOW)).toBe(true);
    expect(silences()).toEqual(['holds']);
  });

  it('sees a row whose writer’s clock is late by less than an hour', async () => {
    const followed = follow();
    await followed.look(NOW);
    await store.insertActions([silenced('late', NOW - HOUR / 2, NOW + HOUR)]);
    await followed.look(NOW + 5_000);
    expect(silences()).toEqual(['late']);
  });

  it('takes a silence for ended whose end was told by a clock that is late', async () => {
    await store.insertActions([row('end', { action: 'UNSILENCED', silence_id: 's1', at: NOW - 20 }), silenced('s1', NOW - 10, NOW + HOUR)]);
    await follow().look(NOW);
    expect(silences()).toEqual([]);
  });

  it('reads all pages of many actions', async () => {
    await store.insertActions(Array.from({ length: 2_500 }, (_, n) => silenced(`s${n}`, NOW - 1 - n, NOW + HOUR)));
    await follow().look(NOW);
    expect(silences().length).toBe(2_500);
  });

  it('acknowledges the groups of an alert, but not one that an alert came to since', async () => {
    const alert = (name: string, raised_at: number, groups: readonly string[]): AlertRow => ({
      alert: sampleAlert(name, { raised_at }),
      fate: 'GROUPED',
      fate_detail: '',
      risk_score: 1,
      risk_accumulated: 1,
      groups,
    });
    await store.insertAlerts([alert('one', NOW - 2 * HOUR, ['g1', 'g2']), alert('two', NOW - HOUR / 2, ['g2'])]);
    await store.insertActions([row('ack', { action: 'ACKNOWLEDGED', alert_id: sampleAlert('one').id, at: NOW - HOUR })]);
    await follow().look(NOW);
    expect(acknowledged).toEqual([['g1']]);
  });

  it('passes by a row that cannot be applied, and says so once', async () => {
    await store.insertActions([
      { ...silenced('bad', NOW - 5, NOW + HOUR), matchers: '{' },
      { ...silenced('wide', NOW - 4, NOW + HOUR), matchers: '[]' },
      silenced('good', NOW - 3, NOW + HOUR),
    ]);
    const followed = follow();
    await followed.look(NOW);
    await followed.look(NOW + 5_000);
    expect(silences()).toEqual(['good']);
    expect(unusable.map(({ code }) => code)).toEqual(['settings_invalid', 'settings_invalid']);
    for (const { message } of unusable) expect(message).not.toContain('\n');
  });

  it('fails where the store does, and catches up at the next look', async () => {
    const { actions } = store;
    const followed = followActions({
      store: {
        ...store,
        actions: async (query) => {
          if (down) throw new Error('gone');
          return actions(query);
        },
      },
      hygiene,
      onUnusable: (cause) => unusable.push(cause),
    });
    let down = true;
    await store.insertActions([silenced('s1', NOW - 10, NOW + HOUR)]);
    await expect(followed.look(NOW)).rejects.toThrow('gone');
    down = false;
    expect(await followed.look(NOW)).toBe(true);
    expect(silences()).toEqual(['s1']);
  });
});
