import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { idsIn, kill, type Running, type ServiceEnd, service, settle, stop, up } from './deployment.ts';

const RATE = 2_000;
const SECONDS = 60;

interface Count {
  readonly rows: readonly { readonly n: number; readonly newest_us: number }[];
}

describe('one machine, three processes', () => {
  const folder = temporaryFolder('real-use');
  let running: Running | null = null;
  afterAll(async () => {
    if (running !== null) await kill(running);
    remove(folder);
  });

  it(`two services emit ${RATE} events a second each for ${SECONDS} s; the ledger is killed in the middle; all is there once`, async () => {
    const data = join(folder, 'data');
    const records = [join(folder, 'a.txt'), join(folder, 'b.txt')] as const;
    running = await up(data);
    const services = records.map((record, i) => service({ data, producer: `service-${i}`, rate: RATE, seconds: SECONDS, record }));

    // What was emitted is there for whoever asks, while it is emitted.
    const seen: number[] = [];
    const look = async (): Promise<void> => {
      const asked = await sealtrail('sql', 'SELECT count() AS n FROM audit_events', '--data', data, '--json');
      expect(asked.code, asked.stderr).toBe(0);
      seen.push(Number(asked.json<Count>().rows[0]?.n));
    };
    for (let i = 0; i < 4; i++) {
      await sleep(4_000);
      await look();
    }
    await kill(running);
    running = await up(data);
    for (let i = 0; i < 2; i++) {
      await sleep(4_000);
      await look();
    }
    seen.slice(1).forEach((n, i) => expect(n, `counts seen: ${seen.join(' ')}`).toBeGreaterThan(seen[i] ?? 0));

    const ends = await Promise.all(services.map(({ ended }) => ended));
    for (const one of ends) expect(one.code, one.stderr).toBe(0);
    const accepted = records.flatMap(idsIn);
    expect(accepted).toHaveLength(ends.reduce((sum, one) => sum + one.json<ServiceEnd & Record<string, unknown>>().accepted, 0));
    expect(accepted.length).toBeGreaterThan(RATE * SECONDS);

    expect(await settle(data, accepted)).toEqual({ missing: 0, doubled: 0 });
    const fsck = await sealtrail('fsck', '--data', data, '--json');
    expect(fsck.json(), fsck.stderr).toMatchObject({ ok: true, findings: [] });
    expect((await stop(running)).code).toBe(0);
  }, 300_000);
});
