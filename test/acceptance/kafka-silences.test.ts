/** On servers a silence holds wherever it was made: each folder of the deployment lists it, and can end it. */
import { cpSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { remove } from './cli.ts';
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
});
