import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../fixtures/random.ts';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { idsIn, kill, service, settle, stop, up } from './deployment.ts';

const KILLS = Number(process.env['KILLS'] ?? (process.env['SOAK'] === undefined ? 20 : 200));
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RATE = 500;

describe('a ledger process under load', () => {
  const folder = temporaryFolder('killed');
  afterAll(() => remove(folder));

  it(
    `is killed ${KILLS} times and loses nothing, doubles nothing (SEED=${SEED})`,
    async () => {
      const data = join(folder, 'data');
      const record = join(folder, 'accepted.txt');
      const next = random(SEED);
      let running = await up(data);
      // Starting takes about two seconds; the load lasts for all of it, and is stopped when it has.
      const load = service({ data, producer: 'killed-load', rate: RATE, seconds: 3_600, record });
      for (let i = 0; i < KILLS; i++) {
        await sleep(50 + next() * 1_450);
        await kill(running);
        running = await up(data);
      }
      load.child.kill('SIGTERM');
      const ended = await load.ended;
      expect(ended.code, ended.stderr).toBe(0);
      const accepted = idsIn(record);
      expect(accepted.length).toBeGreaterThan(KILLS * 100);

      expect(await settle(data, accepted)).toEqual({ missing: 0, doubled: 0 });
      const fsck = await sealtrail('fsck', '--data', data, '--json');
      expect(fsck.json(), fsck.stderr).toMatchObject({ ok: true, findings: [] });
      expect((await stop(running)).code).toBe(0);
    },
    120_000 + KILLS * 20_000,
  );
});
