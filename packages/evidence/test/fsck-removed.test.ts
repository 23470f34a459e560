import { describe, expect, it } from 'vitest';
import { AUDIENCE, type SealedWorld } from '../../verify/test/sealed-world.ts';
import type { FsckFinding, FsckInput } from '../src/index.ts';
import { check, committedOf, placeOf, recordsOf } from './fsck-world.ts';
import { headOf, remove, roundOf } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

/** Takes out all rows of a tenant at these offsets. */
function removeRows({ store: { tables } }: SealedWorld, tenant: string, from = 0, to = 99): void {
  const inside = (offset: number): boolean => offset >= from && offset < to;
  remove(tables.entries, ...tables.entries.filter((row) => row.tenant === tenant && inside(row.offset)));
  remove(tables.manifests, ...tables.manifests.filter(({ manifest }) => manifest.header.tenant === tenant && inside(manifest.offset)));
  remove(tables.heads, ...tables.heads.filter((row) => row.tenant === tenant && inside(row.offset)));
}

async function findingsAfter(
  tamper: (world: SealedWorld) => void,
  more: (world: SealedWorld) => Partial<FsckInput> = (world) => ({ readRecord: recordsOf(world) }),
): Promise<readonly FsckFinding[]> {
  const world = await tamperedWorld();
  tamper(world);
  return (await check(world, more(world))).findings;
}
const placesAfter = async (...args: Parameters<typeof findingsAfter>): Promise<unknown[]> => (await findingsAfter(...args)).map(placeOf);

describe('rows of which nothing is left, with the records of the event log', () => {
  it('a whole tenant is named', async () => {
    expect(await placesAfter((world) => removeRows(world, 'globex'))).toEqual([
      { code: 'log_missing', tenant: 'globex', position: 0, entry: 0, round: 0, offset: 1 },
    ]);
    expect(await placesAfter((world) => removeRows(world, 'initech'))).toEqual([
      { code: 'log_missing', tenant: 'initech', position: 0, entry: 0, round: 3, offset: 11 },
    ]);
    // Round 4 holds nothing else.
    expect(await placesAfter((world) => removeRows(world, 'acme'))).toEqual([
      { code: 'rows_missing', tenant: 'acme', round: 4, offset: 12 },
      { code: 'log_missing', tenant: 'acme', position: 0, entry: 0, round: 0, offset: 0 },
    ]);
  });

  it('so are two tenants of one round, and their logs', async () => {
    const world = await tamperedWorld();
    const logs = (['globex', 'initech'] as const).map((tenant) => Buffer.from(headOf(world, tenant, 1).head.log).toString('hex'));
    const found = await findingsAfter((other) => {
      removeRows(other, 'globex');
      removeRows(other, 'initech');
    });
    expect(found.map(({ code, log }) => [code, log])).toEqual(logs.map((log) => ['log_missing', log]));
  });

  it('the end of a log is, with its place', async () => {
    expect(await placesAfter((world) => removeRows(world, 'globex', 9))).toEqual([
      { code: 'batch_missing', tenant: 'globex', position: 1, entry: 2, round: 3, offset: 9 },
    ]);
  });

  it('a batch in the middle is, and its head', async () => {
    expect(await placesAfter((world) => removeRows(world, 'acme', 3, 6))).toEqual([
      { code: 'batch_missing', tenant: 'acme', entry: 5, position: 2 },
      { code: 'head_missing', tenant: 'acme', round: 1, offset: 5 },
    ]);
  });

  it('a head that is left is not blamed for another', async () => {
    const found = await placesAfter((world) => {
      const { heads } = world.store.tables;
      const kept = heads.filter(({ tenant }) => tenant === 'initech');
      removeRows(world, 'initech');
      heads.push(...kept);
      Object.assign(headOf(world, 'acme', 5).head, { root: new Uint8Array(32) });
    });
    expect(found).toEqual([
      { code: 'head_altered', tenant: 'acme', position: 4, round: 3, offset: 11 },
      { code: 'log_missing', tenant: 'initech', position: 0, entry: 0, round: 3, offset: 11 },
    ]);
  });

  it('a tail of one tenant names it, one of several says whose', async () => {
    const cut = (world: SealedWorld, index: number): void => {
      const { tables } = world.store;
      const { from } = roundOf(world, index).round;
      for (const tenant of ['acme', 'globex', 'initech']) removeRows(world, tenant, from);
      for (let i = index; i < 5; i++) remove(tables.rounds, roundOf(world, i));
      remove(tables.checkpoints, ...tables.checkpoints.filter(({ size }) => size > index));
      Object.assign(tables.commits[1] as object, { to: from, round_hash: world.rounds[index - 1]?.hash });
    };
    const more = (world: SealedWorld): Partial<FsckInput> => ({ committed: committedOf(world), readRecord: recordsOf(world) });
    expect(await placesAfter((world) => cut(world, 4), more)).toEqual([{ code: 'tail_missing', tenant: 'acme', offset: 12 }]);
    const [several] = await findingsAfter((world) => cut(world, 3), more);
    expect(placeOf(several as FsckFinding)).toEqual({ code: 'tail_missing', offset: 9 });
    expect(several?.detail).toMatch(/held batches of globex, acme, initech$/);
  });

  it('nothing is named by records that are not held, are no batches, or are another deployment’s', async () => {
    const unnamed = [{ code: 'log_missing', round: 0, offset: 0 }];
    const tamper = (world: SealedWorld): void => removeRows(world, 'globex');
    expect(await placesAfter(tamper, () => ({}))).toEqual(unnamed);
    expect(await placesAfter(tamper, () => ({ readRecord: async () => null }))).toEqual(unnamed);
    expect(await placesAfter(tamper, () => ({ readRecord: async () => Uint8Array.of(1, 2) }))).toEqual(unnamed);
    const foreign = (world: SealedWorld): Partial<FsckInput> => ({
      readRecord: async (partition, offset) => {
        const value = await recordsOf(world)(partition, offset);
        return value === null
          ? null
          : Uint8Array.from(Buffer.from(Buffer.from(value).toString('latin1').replace(AUDIENCE, 'best-deployment'), 'latin1'));
      },
    });
    expect(await placesAfter(tamper, foreign)).toEqual(unnamed);
  });
});

it('views that were altered are findings of their own', async () => {
  const found = await findingsAfter(
    () => undefined,
    () => ({ altered_views: ['audit_events'] }),
  );
  expect(found.map(placeOf)).toEqual([{ code: 'view_altered' }]);
  expect(found[0]?.detail).toMatch(/^audit_events, /);
});

describe('parts that cannot be read', () => {
  it('are findings, beside what is missing for them', async () => {
    const found = await findingsAfter(
      ({ store: { tables } }) => remove(tables.entries, ...tables.entries.filter(({ tenant }) => tenant === 'initech')),
      () => ({ unreadable: [{ table: 'entries', part: '202401_1_1_0' }] }),
    );
    expect(found.map(placeOf)).toEqual([
      { code: 'part_unreadable' },
      { code: 'entry_missing', tenant: 'initech', entry: 0, position: 0, offset: 11 },
    ]);
    expect(found[0]?.detail).toMatch(/^part 202401_1_1_0 of table entries cannot be read/);
  });
});
