import { describe, expect, it } from 'vitest';
import { createWorld, type SealedWorld } from '../../verify/test/sealed-world.ts';
import { check, committedOf, placeOf } from './fsck-world.ts';

/** Four claims of two rounds each; each round is one batch of three events and one that is no batch. */
async function claimed(): Promise<SealedWorld> {
  const world = await createWorld({ seed: 41 });
  for (let claim = 0; claim < 4; claim++) {
    if (claim > 0) world.newClaim();
    for (let round = 0; round < 2; round++) await world.seal([{ tenant: 'acme', events: 3 }, { garbage: Uint8Array.of(1) }]);
  }
  await world.storeCheckpoint();
  // Of a claim's commit rows the last stands for all, as the engine's merges leave it.
  const { commits } = world.store.tables;
  commits.splice(0, commits.length, ...commits.filter((_, i) => i % 2 === 1));
  return world;
}
const FROM = [0, 4, 8, 12];

async function findingsAfter(alter: (commits: SealedWorld['store']['tables']['commits']) => void): Promise<unknown[]> {
  const world = await claimed();
  alter(world.store.tables.commits);
  return (await check(world, { committed: committedOf(world) })).findings.map(placeOf);
}

describe('one commit row of several', () => {
  it('is clean before', async () => {
    expect(await findingsAfter((commits) => expect(commits.map(({ from }) => from)).toEqual(FROM))).toEqual([]);
  });

  it.each([0, 1, 2, 3])('with another ordinal is the one that is named: claim %i', async (claim) => {
    for (const ordinal of [0, 1, 2, 3, 4, 7, 2 ** 32 + 1]) {
      if (ordinal === claim) continue;
      const found = await findingsAfter((commits) => void Object.assign(commits[claim] as object, { ordinal }));
      expect(found, `ordinal ${ordinal}`).toEqual([{ code: 'commit_altered', offset: FROM[claim] }]);
    }
  });

  it('set back into its last round is one finding, with what that hides', async () => {
    for (const claim of [0, 1, 2, 3]) {
      const to = (FROM[claim] as number) + 3;
      expect(await findingsAfter((commits) => void Object.assign(commits[claim] as object, { to }))).toEqual([
        { code: 'commit_altered', offset: FROM[claim] },
      ]);
    }
  });

  it('removed is a gap', async () => {
    for (const claim of [0, 1, 2]) {
      expect(await findingsAfter((commits) => void commits.splice(claim, 1))).toEqual([{ code: 'commit_gap', offset: FROM[claim] }]);
    }
  });

  it('added beyond the end is one finding, and does not move the end', async () => {
    for (const [from, to] of [
      [16, 18],
      [1_000, 2_000],
    ] as const) {
      const found = await findingsAfter((commits) => {
        const last = commits[3] as (typeof commits)[number];
        commits.push({ ...last, claim: new Uint8Array(16).fill(9), ordinal: 4, from, to });
      });
      expect(found).toEqual([{ code: 'commit_altered', offset: from }]);
    }
  });
});

describe('a commit row of an era before, which landed when the next had begun', () => {
  const ERA = 2 ** 32;
  /** The last two claims belong to a new era, which began at offset 8; the row of the second claim says more than that. */
  const detailOf = async (late: { readonly to: number; readonly era: number }): Promise<readonly string[]> => {
    const world = await claimed();
    const { commits } = world.store.tables;
    for (const [i, row] of commits.entries()) if (i >= 2) row.ordinal = late.era + i - 2;
    const second = commits[1] as (typeof commits)[number];
    commits.push({ ...second, to: late.to, round_hash: new Uint8Array(32).fill(7) });
    const { findings } = await check(world, { committed: committedOf(world) });
    expect(findings.map(placeOf)).toEqual([{ code: 'commit_altered', offset: 4 }]);
    return findings.map(({ detail }) => detail);
  };

  it('is told as what it may be, not as one to restore', async () => {
    const [detail] = await detailOf({ to: 9, era: ERA });
    expect(detail).toMatch(
      /a new era began at offset 8, .*it shows nothing from there on; remove it, or restore it where a backup has another$/,
    );
  });

  it('within one era it is a row to restore', async () => {
    const [detail] = await detailOf({ to: 9, era: 2 });
    expect(detail).toMatch(/; restore it from the group's committed metadata or a backup$/);
  });
});
