import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createGate } from '../../src/sql/gate.ts';

it('lets so many through at once, all in the end, in the order in which they came, also when some fail', async () => {
  const runs = fc.array(fc.record({ fails: fc.boolean(), turns: fc.nat(5) }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), runs, async (max, some) => {
      const gate = createGate(max);
      let running = 0;
      let most = 0;
      const started: number[] = [];
      const settled = await Promise.allSettled(
        some.map(({ fails, turns }, i) =>
          gate(async () => {
            started.push(i);
            most = Math.max(most, ++running);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running--;
            if (fails) throw new Error('failed');
          }),
        ),
      );
      expect(settled.map(({ status }) => status === 'rejected')).toEqual(some.map(({ fails }) => fails));
      expect(started).toEqual(some.map((_, i) => i));
      expect(most).toBeLessThanOrEqual(max);
      expect(await gate(async () => 'free')).toBe('free');
    }),
  );
});
