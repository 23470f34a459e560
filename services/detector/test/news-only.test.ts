import { describe, expect, it } from 'vitest';
import type { DetectorEvents } from '../src/index.ts';
import { newsOnly } from '../src/news-only.ts';

describe('a partition that waits', () => {
  it('says so at once, again every 30 seconds, when the reason changes, and after it went on', () => {
    const told: string[] = [];
    const silent = (): void => undefined;
    const log: DetectorEvents = {
      started: silent,
      evaluated: silent,
      rested: silent,
      lost: silent,
      waiting: ({ partition }, what, cause) => void told.push(`${partition} ${what} ${cause.message}`),
    };
    let now_ms = 0;
    const events = newsOnly(log, () => now_ms);
    const waits = (ms: number, what: string, why: string, partition = 0): readonly string[] => {
      told.length = 0;
      for (const until = now_ms + ms; now_ms < until; now_ms += 500) {
        events.waiting({ topic: 'audit.events', partition }, what, new Error(why));
      }
      return [...told];
    };
    expect(waits(61_000, 'storing alerts', 'down')).toHaveLength(3);
    expect(waits(1_000, 'storing alerts', 'down', 1)).toEqual(['1 storing alerts down']);
    expect(waits(1_000, 'storing alerts', 'full')).toEqual(['0 storing alerts full']);
    expect(waits(1_000, 'reading records', 'full')).toEqual(['0 reading records full']);
    expect(waits(1_000, 'reading records', 'full')).toEqual([]);
    events.rested({ topic: 'audit.events', partition: 0 }, { to: 1, pending: 0, watermark_us: null });
    expect(waits(1_000, 'reading records', 'full')).toEqual(['0 reading records full']);
  });
});
