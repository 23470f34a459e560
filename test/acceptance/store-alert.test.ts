/** A row that was altered while nothing ran: fsck beside a running detector names it, and whoever is told of alerts is told. */

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Session } from 'chdb';
import { afterAll, expect, it } from 'vitest';
import { writeCloudTrail } from '../fixtures/cloudtrail.ts';
import { type Ended, remove, sealtrail, temporaryFolder } from './cli.ts';
import { stop, up } from './deployment.ts';

const folder = temporaryFolder('store-alert');
afterAll(() => remove(folder));

it('an alteration that fsck finds raises one alert, however often it is found', async () => {
  const data = join(folder, 'data');
  const fine = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await sealtrail(...args, '--data', data);
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  const received: string[] = [];
  const receiver = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => received.push(chunk.toString('utf8')));
    request.on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  await fine('setup');
  const { port } = receiver.address() as AddressInfo;
  writeFileSync(join(data, 'alerting.yml'), `notifiers:\n  - { name: hook, type: webhook, url: "http://127.0.0.1:${port}/" }\n`);
  const file = join(folder, 'cloudtrail.jsonl');
  writeCloudTrail(file, 40);
  await fine('import', '--format', 'cloudtrail', file, '--tenant', 'acme');

  const session = new Session(join(data, 'store', 'engine'));
  await session.queryAsync(
    "ALTER TABLE sealtrail.entries UPDATE actor_id = 'somebody-else' WHERE tenant = 'acme' AND entry = 7 SETTINGS mutations_sync = 2",
  );
  session.close();

  const running = await up(data, '--no-canaries');
  const titled = async (): Promise<readonly Record<string, unknown>[]> => {
    const { alerts } = (await fine('alerts', 'list', '--json')).json<{ alerts: readonly Record<string, unknown>[] }>();
    return alerts.filter(({ rule_title }) => rule_title === 'Stored audit log altered');
  };
  try {
    expect(await titled()).toEqual([]);
    for (let check = 0; check < 2; check++) {
      const found = await sealtrail('fsck', '--data', data, '--json');
      expect(found.code).toBe(1);
      expect(found.json()).toMatchObject({ findings: [{ code: 'entry_altered', tenant: 'acme', entry: 7 }] });
      expect(await titled()).toMatchObject([{ tenant: 'acme', level: 'CRITICAL', fate: 'GROUPED', events_count: 1, evidence: [] }]);
    }
    while (!received.some((body) => body.includes('Stored audit log altered'))) await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    await stop(running);
    receiver.close();
  }
  expect(received.filter((body) => body.includes('Stored audit log altered'))).toHaveLength(1);
}, 120_000);
