import { describe, expect, it } from 'vitest';
import type { SealedWorld } from '../../verify/test/sealed-world.ts';
import { check, placeOf } from './fsck-world.ts';
import { headOf, remove } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

async function findingsAfter(tamper: (world: SealedWorld) => void): Promise<unknown[]> {
  const world = await tamperedWorld();
  tamper(world);
  const { findings } = await check(world);
  return findings.map(placeOf).sort((a, b) => ((a.tenant ?? '') < (b.tenant ?? '') ? -1 : 1));
}

/** Round 3 has three heads: acme's of size 5, globex's of size 2, initech's of size 1. */
const at = { round: 3, offset: 11 };
const acme = { tenant: 'acme', position: 4, ...at };
const globex = { tenant: 'globex', position: 1, ...at };
const initech = { tenant: 'initech', position: 0, ...at };

describe('several heads of one round', () => {
  it('hidden, moved to another log, moved to another tenant: each is named', async () => {
    const found = await findingsAfter((world) => {
      Object.assign(headOf(world, 'acme', 5), { claim: new Uint8Array(16) });
      Object.assign(headOf(world, 'globex', 2).head, { log: new Uint8Array(16) });
      Object.assign(headOf(world, 'initech', 1), { tenant: 'nobody' });
    });
    expect(found).toEqual([
      { code: 'head_missing', ...acme },
      { code: 'head_altered', ...globex },
      { code: 'head_altered', ...initech },
    ]);
  });

  it('another root, another frontier, removed: each is named', async () => {
    const found = await findingsAfter((world) => {
      Object.assign(headOf(world, 'acme', 5).head, { root: new Uint8Array(32) });
      Object.assign(headOf(world, 'globex', 2), { frontier: { size: 2, nodes: [new Uint8Array(32)] } });
      remove(world.store.tables.heads, headOf(world, 'initech', 1));
    });
    expect(found).toEqual([
      { code: 'head_altered', ...acme },
      { code: 'head_altered', ...globex },
      { code: 'head_missing', ...initech },
    ]);
  });

  it('there twice, beside one that is altered', async () => {
    const found = await findingsAfter((world) => {
      world.store.tables.heads.push({ ...headOf(world, 'globex', 2) });
      Object.assign(headOf(world, 'acme', 5).head, { last: new Uint8Array(32) });
    });
    expect(found).toEqual([
      { code: 'head_altered', ...acme },
      { code: 'head_added', ...globex },
    ]);
  });

  it('moved to another tenant, before a round in which all is well', async () => {
    const found = await findingsAfter((world) => {
      // Round 0: the first heads of acme and globex.
      Object.assign(headOf(world, 'acme', 2), { tenant: 'nobody' });
      Object.assign(headOf(world, 'globex', 1).head, { entries: 9 });
    });
    expect(found).toEqual([
      { code: 'head_altered', tenant: 'acme', position: 1, round: 0, offset: 2 },
      { code: 'head_altered', tenant: 'globex', position: 0, round: 0, offset: 2 },
    ]);
  });
});
