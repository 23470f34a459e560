/** On servers a silence holds wherever it was made: each folder of the deployment lists it, and can end it. */
import { cpSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { CLI, end, lineFrom, remove, start } from './cli.ts';
import { Servers } from './servers.ts';

const has_broker = await canStartBroker('silences on servers');

describe.skipIf(!has_broker)('silences on servers', () => {
  let servers: Servers | null = null;
  let copy: string | null = null;
  afterAll(async () => {
    await servers?.close();
    if (copy !== null) remove(copy);
  });

  it('are listed and ended from a folder that did not make them', async () => {
    servers = await Servers.start('silences', 2);
    const at = servers;
    copy = `${at.data}-copy`;
    cpSync(at.data, copy, { recursive: true });
    const silences = async (data: string) =>
      (await at.sealtrail('alerts', 'silences', '--json', '--data', data)).json<{ silences: readonly { id: string }[] }>().silences;
    await at.sealtrail('alerts', 'silence', 'tenant=acme', '--for', '8h', '--why', 'a migration', '--by', 'ann', '--data', at.data);
    const [made, ...others] = await silences(copy);
    expect(others).toEqual([]);
    expect(made).toMatchObject({ matchers: [{ label: 'tenant', values: ['acme'] }], by: 'ann', why: 'a migration' });
    await at.sealtrail('alerts', 'unsilence', made?.id ?? '', '--why', 'done', '--by', 'bob', '--data', copy);
    expect([await silences(at.data), await silences(copy)]).toEqual([[], []]);
  }, 180_000);

  it('reach the detector of an `up` on the servers, which lists them at once', async () => {
    const at = servers as Servers;
    const child = start(CLI, ['up', '--no-canaries', '--data', at.data], { KAFKA_BROKERS: at.broker, CLICKHOUSE_URL: at.front.url });
    const ended = end(child);
    await lineFrom(child, /sealtrail is up/);
    const silence = ['alerts', 'silence', 'level=low', '--for', '8h', '--why', 'a migration', '--by', 'ann'];
    const { silence: id } = (await at.sealtrail(...silence, '--json', '--data', copy ?? '')).json<{ silence: string }>();
    const list = async () =>
      (await at.sealtrail('alerts', 'silences', '--json', '--data', at.data)).json<{ silences: readonly unknown[] }>();
    expect((await list()).silences).toMatchObject([{ id, matchers: [{ label: 'level', values: ['LOW'] }] }]);
    await at.sealtrail('alerts', 'unsilence', id, '--why', 'done', '--data', at.data);
    expect((await list()).silences).toEqual([]);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
  }, 180_000);
});
