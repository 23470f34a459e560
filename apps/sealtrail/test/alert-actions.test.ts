/** Silences where the deployment keeps them: in its folder beside the detector's state, or on servers in the rows that detectors follow. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHygiene } from '@sealtrail/alerting';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { type AlertPipeline, followActions, NO_ALERTING } from '@sealtrail/detector';
import type { AlertStore } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeploymentStore } from '../src/deployment/adapters.ts';
import { type AlertActionContext, actOnAlerts, silencesOf } from '../src/deployment/alert-answers.ts';

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const ACME = {
  kind: 'silence',
  matchers: [{ label: 'tenant', values: ['acme'] }],
  for_ms: HOUR_MS,
  by: 'ann',
  why: 'a migration',
} as const;

describe('silences', () => {
  let folder: string;
  let alerts: AlertStore;
  let now_ms: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sealtrail-silences-'));
    alerts = createMemoryAlertStore();
    now_ms = NOW;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const directoryOf = (name: string): Promise<DataDirectory> =>
    openDataDirectory({ dir: join(folder, name), create: { random: (bytes) => new Uint8Array(randomBytes(bytes)) } });
  const contextOf = async (name: string, parts: Partial<AlertActionContext> = {}): Promise<AlertActionContext> => ({
    directory: await directoryOf(name),
    kind: 'distributed',
    store: { alerts } as unknown as DeploymentStore,
    clock_ms: () => now_ms,
    detection: null,
    alerting: () => NO_ALERTING,
    ...parts,
  });
  const ids = async (context: AlertActionContext): Promise<readonly string[]> => (await silencesOf(context)).map(({ id }) => id);

  it('on servers are the same from every folder, and leave no file in any', async () => {
    const one = await contextOf('one');
    const other = await contextOf('other');
    const { silence } = await actOnAlerts(one, ACME);
    expect(await silencesOf(other)).toEqual([
      { id: silence, matchers: ACME.matchers, from_ms: NOW, until_ms: NOW + HOUR_MS, by: 'ann', why: 'a migration' },
    ]);
    now_ms += 1_000;
    await actOnAlerts(other, { kind: 'unsilence', silence: silence ?? '', by: 'bob', why: 'done' });
    expect(await ids(one)).toEqual([]);
    await expect(actOnAlerts(one, { kind: 'unsilence', silence: silence ?? '', by: 'ann', why: 'again' })).rejects.toThrow(
      /^no silence has the id/,
    );
    for (const { directory } of [one, other]) expect(existsSync(join(directory.path, 'alerting-state.json'))).toBe(false);
  });

  it('on servers are those that a detector has which follows the rows', async () => {
    const context = await contextOf('one');
    await actOnAlerts(context, { ...ACME, for_ms: HOUR_MS / 2 });
    const { silence } = await actOnAlerts(context, ACME);
    await alerts.insertActions([
      {
        id: 'unreadable',
        action: 'SILENCED',
        alert_id: null,
        silence_id: 'unreadable',
        matchers: '{',
        silence_from: NOW,
        silence_until: NOW + HOUR_MS,
        by: 'olga',
        why: 'by hand',
        at: NOW,
      },
    ]);
    now_ms += HOUR_MS / 2;
    const hygiene = createHygiene({ routes: [], new_id: () => 'id', digest: (text) => text });
    await followActions({ store: alerts, hygiene, onUnusable: () => undefined }).look(now_ms);
    expect(await silencesOf(context)).toEqual(hygiene.silences());
    expect(await ids(context)).toEqual([silence]);
  });

  it('on servers that somebody made elsewhere are known at once to the detector that runs here', async () => {
    const elsewhere = await contextOf('elsewhere');
    const { silence } = await actOnAlerts(elsewhere, ACME);
    const hygiene = createHygiene({ routes: [], new_id: () => 'id', digest: (text) => text });
    const actions = followActions({ store: alerts, hygiene, onUnusable: () => undefined });
    const pipeline = { hygiene, changed: async () => undefined } as unknown as AlertPipeline;
    const here = await contextOf('here', {
      detection: { pipeline, lookAtActions: async () => void (await actions.look(now_ms)) },
    });
    expect(await ids(here)).toEqual([silence]);
    await actOnAlerts(here, { kind: 'unsilence', silence: silence ?? '', by: 'bob', why: 'done' });
    expect([await ids(here), await ids(elsewhere)]).toEqual([[], []]);
  });

  it('of a deployment in its folder are kept there, for the detector that starts next', async () => {
    const context = await contextOf('one', { kind: 'embedded' });
    const { silence } = await actOnAlerts(context, ACME);
    expect(await ids(await contextOf('one', { kind: 'embedded' }))).toEqual([silence]);
    now_ms += HOUR_MS;
    expect(await ids(context)).toEqual([]);
  });

  it('that mean nothing are refused before a row says so', async () => {
    const context = await contextOf('one');
    await expect(actOnAlerts(context, { ...ACME, matchers: [{ label: 'color', values: ['red'] }] })).rejects.toThrow(/no label "color"/);
    expect(await alerts.actions({ rows_max: 10 })).toEqual([]);
  });
});
