/** The views' roots in SQL, against the Merkle trees of packages/merkle, which are tested against RFC 9162's own words. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frontierOfLeaves, rootOfLeaves } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { type ChdbLedgerStore, openChdbStore } from '@sealtrail/store-chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex } from './altered-store.ts';

const sha256 = nodeSha256();
const LEAVES_MAX = 4096;
const SIZES = [...Array.from({ length: 70 }, (_, i) => i), 127, 128, 129, 255, 256, 257, 1000, 2047, 2048, 2049, 4095, LEAVES_MAX];
/** Leaf i is SHA-256 of i in decimal, in SQL as here. */
const leaves = new Uint8Array(Buffer.concat(Array.from({ length: LEAVES_MAX }, (_, i) => sha256.digest(new TextEncoder().encode(`${i}`)))));

describe('roots in SQL', () => {
  let dir: string;
  let store: ChdbLedgerStore;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-roots-'));
    store = await openChdbStore({ dir });
  });
  afterAll(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });

  it('sealtrail_root gives the RFC 9162 root for every shape of tree', async () => {
    const { rows } = await store.select(
      `SELECT n, lower(hex(sealtrail_root(arrayMap(i -> concat(SHA256(toString(i)), ''), range(n))))) AS root
       FROM (SELECT toUInt32(arrayJoin([${SIZES.join(', ')}])) AS n) ORDER BY n`,
    );
    expect(rows.map(({ n, root }) => [Number(n), root])).toEqual(SIZES.map((n) => [n, hex(rootOfLeaves(sha256, leaves, n))]));
  });

  it('sealtrail_frontier_root gives the same from the frontier', async () => {
    const frontiers = SIZES.map((n) => frontierOfLeaves(sha256, leaves, n).nodes.map((node) => `toFixedString(unhex('${hex(node)}'), 32)`));
    const arrays = frontiers.map((nodes) => `CAST([${nodes.join(', ')}], 'Array(FixedString(32))')`);
    const { rows } = await store.select(
      `SELECT lower(hex(sealtrail_frontier_root(nodes))) AS root
       FROM (SELECT arrayJoin(arrayEnumerate(all)) AS i, all[i] AS nodes FROM (SELECT [${arrays.join(', ')}] AS all)) ORDER BY i`,
    );
    expect(rows.map(({ root }) => root)).toEqual(SIZES.map((n) => hex(rootOfLeaves(sha256, leaves, n))));
  });
});
