import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check, committedOf, randomWorld, recordsOf } from './fsck-world.ts';

describe('fsck of a store as it was sealed', () => {
  it('finds nothing, in 1,000 random ledgers', async () => {
    let entries = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = await randomWorld(seed);
        const report = await check(world, {
          committed: committedOf(world),
          readRecord: recordsOf(world),
          saved_checkpoints: [{ note: world.checkpoint(), keys: [world.key] }],
        });
        expect(report.findings).toEqual([]);
        const batches = world.rounds.flatMap((round) => round.batches);
        expect(report).toEqual({
          ok: true,
          entries: batches.reduce((total, { manifest }) => total + manifest.header.count, 0),
          batches: batches.length,
          rounds: world.rounds.length,
          findings: [],
          findings_dropped: 0,
        });
        entries += report.entries;
      }),
      { numRuns: 1_000 },
    );
    expect(entries).toBeGreaterThan(10_000);
  }, 600_000);
});
