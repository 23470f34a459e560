import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createGate } from '../src/gate.ts';

it('lets so many through at once, all in the end, in the order in which they came, also when some fail', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.boolean(), { maxLength: 12 }),
      async (scheduler, max, fails) => {
        const gate = createGate(max);
        let running = 0;
        const started: number[] = [];
        const runs = fails.map((fail, i) =>
          gate(async () => {
            started.push(i);
            expect(++running).toBeLessThanOrEqual(max);
            await scheduler.schedule(Promise.resolve());
            running--;
            if (fail) throw new Error('failed');
            return i;
          }),
        );
        await scheduler.waitAll();
        const settled = await Promise.allSettled(runs);
        expect(settled.map(({ status }) => status === 'rejected')).toEqual(fails);
        expect(started).toEqual(fails.map((_, i) => i));
        expect(await gate(async () => 'free')).toBe('free');
      },
    ),
  );
});
