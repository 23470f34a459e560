import type { Logger } from '@sealtrail/service-runtime';
import { beforeEach, describe, expect, it } from 'vitest';
import { type LedgerEvents, ledgerLog } from '../src/index.ts';

const key = (partition: number) => ({ topic: 'audit.events', incarnation: 1, partition });
const full = (): Error => Object.assign(new Error('the disk has 3 MiB left'), { code: 'store_no_space' });
const away = (): Error => Object.assign(new Error('no answer'), { code: 'store_unavailable' });

let now_ms: number;
let warned: string[];
let events: LedgerEvents;
beforeEach(() => {
  now_ms = 0;
  warned = [];
  const silent = (): void => undefined;
  const logger: Logger = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (message, fields, error) =>
      void warned.push(
        `${fields?.partition} ${fields?.step ?? message.slice(0, 9)} ${(error as { code?: string } | undefined)?.code ?? ''}`,
      ),
    with: () => logger,
  };
  events = ledgerLog(logger, () => now_ms);
});

/** What a partition that waits for a minute tells, twice a second. */
const waits = (ms: number, step: string, cause: () => Error, partition = 0): void => {
  for (const until = now_ms + ms; now_ms < until; now_ms += 500) events.waiting(key(partition), step, cause());
};

describe('a partition that waits', () => {
  it('says so at once, and again every 30 seconds', () => {
    waits(61_000, 'writing the commit row', full);
    expect(warned).toEqual(Array.from({ length: 3 }, () => '0 writing the commit row store_no_space'));
  });

  it('says so when the reason changes: another step, or another error', () => {
    waits(2_000, 'reading a round', full);
    waits(2_000, 'reading a round', away);
    waits(2_000, 'reading the commit rows', away);
    expect(warned).toEqual([
      '0 reading a round store_no_space',
      '0 reading a round store_unavailable',
      '0 reading the commit rows store_unavailable',
    ]);
  });

  it('holds its peace about inserts in doubt alike', () => {
    for (; now_ms < 31_000; now_ms += 500) events.claimEnded(key(0), full());
    expect(warned).toEqual(['0 an insert store_no_space', '0 an insert store_no_space']);
  });

  it('says so again at once when it waits anew after a round was sealed', () => {
    waits(1_000, 'reading a round', full);
    const round = { from: 0, to: 1, batches: 1, entries: 1, duplicates: 0, rejected: [], recorded_at: 0, duration_ms: 1 };
    events.sealed(key(0), round);
    waits(1_000, 'reading a round', full);
    expect(warned).toHaveLength(2);
  });

  it('says nothing for another partition', () => {
    waits(1_000, 'reading a round', full, 0);
    waits(1_000, 'reading a round', full, 1);
    expect(warned).toEqual(['0 reading a round store_no_space', '1 reading a round store_no_space']);
  });

  it('of two that alternate each is told once: neither is the other’s news', () => {
    for (let i = 0; i < 10; i++, now_ms += 500) {
      events.waiting(key(0), 'reading the event log', away());
      events.claimEnded(key(0), full());
    }
    expect(warned).toHaveLength(2);
  });
});
