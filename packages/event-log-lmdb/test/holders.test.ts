import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Holders, type Seat } from '../src/holders.ts';
import { isOver, thisProcess } from '../src/process-life.ts';
import { type LogTables, openTables } from '../src/tables.ts';
import { testDirectory } from './test-log.ts';

const seat: Seat = { topic: { number: 1, partitions: 1, cleanup_policy: 'delete', id: new Uint8Array(16) }, partition: 0, group: 'group' };
const ann = new Uint8Array(16).fill(1);
const bob = new Uint8Array(16).fill(2);

let tables: LogTables;
let holders: Holders;

beforeEach(async () => {
  const dir = await testDirectory();
  tables = await openTables(dir);
  holders = new Holders(tables, thisProcess());
  onTestFinished(() => tables.env.close());
});

const inside = <T>(work: () => T): T => tables.env.transactionSync(work);
const claim = (member: Uint8Array): ReturnType<Holders['claimInside']> => {
  const seen = holders.row(seat);
  return inside(() => holders.claimInside(seat, member, seen));
};

describe('the holder of a partition', () => {
  it('is one at a time, in generations that rise', () => {
    expect(claim(ann)).toEqual({ member: ann, generation: 1 });
    expect(claim(bob)).toEqual({ member: bob, generation: 2 });
    expect(holders.holds(seat, { member: ann, generation: 1 })).toBe(false);
    expect(holders.holds(seat, { member: bob, generation: 2 })).toBe(true);
    expect(holders.holds(seat, { member: ann, generation: 2 })).toBe(false);
  });

  it('is not replaced on the word of an old look', () => {
    const seen = holders.row(seat);
    claim(ann);
    expect(inside(() => holders.claimInside(seat, bob, seen))).toBeNull();
  });

  it('is not replaced once it has answered', () => {
    const tenure = { member: ann, generation: 1 };
    claim(ann);
    const asked = inside(() => holders.askInside(seat));
    expect(asked.asked).toBe(1);
    inside(() => holders.answerInside(seat, tenure));
    expect(inside(() => holders.claimInside(seat, bob, asked))).toBeNull();
    expect(holders.row(seat)).toMatchObject({ generation: 1, asked: 1, answered: 1 });
    // Silent the next time.
    const again = inside(() => holders.askInside(seat));
    expect(inside(() => holders.claimInside(seat, bob, again))).toEqual({ member: bob, generation: 2 });
  });

  it('is not answered for by who was it before', () => {
    claim(ann);
    claim(bob);
    inside(() => holders.askInside(seat));
    inside(() => holders.answerInside(seat, { member: ann, generation: 1 }));
    expect(holders.row(seat).answered).toBe(0);
  });

  it('commits alone, and not after it has given the partition back', () => {
    claim(ann);
    claim(bob);
    const commit = (member: Uint8Array, generation: number): string =>
      inside(() => holders.commitInside(seat, { member, generation }, generation, '')).kind;
    expect(commit(ann, 1)).toBe('fenced');
    expect(commit(bob, 2)).toBe('committed');
    inside(() => holders.releaseInside(seat, { member: ann, generation: 1 }));
    expect(commit(bob, 2)).toBe('committed');
    inside(() => holders.releaseInside(seat, { member: bob, generation: 2 }));
    expect(holders.row(seat).member).toBeNull();
    expect(commit(bob, 2)).toBe('fenced');
    expect(holders.committed(seat)).toEqual({ offset: 2, metadata: '' });
    // A partition that nobody holds takes no commit of anybody.
    expect(commit(new Uint8Array(16), holders.row(seat).generation)).toBe('fenced');
  });

  it('is looked up anew each time, also within one turn', async () => {
    const dir = await testDirectory();
    const [here, there] = [await openTables(dir), await openTables(dir)];
    onTestFinished(async () => {
      await here.env.close();
      await there.env.close();
    });
    const looking = new Holders(here, thisProcess());
    const taking = new Holders(there, thisProcess());
    const seen = looking.row(seat);
    there.env.transactionSync(() => taking.claimInside(seat, ann, seen));
    expect(looking.holds(seat, { member: ann, generation: 1 })).toBe(true);
    there.env.transactionSync(() => taking.expelInside(seat));
    expect(looking.holds(seat, { member: ann, generation: 1 })).toBe(false);
  });
});

describe('the life of a process', () => {
  it('is over for an earlier one with the same pid, and for a pid that is gone', () => {
    const own = thisProcess();
    expect(isOver(own)).toBe(false);
    expect(isOver({ ...own, started_at_ms: own.started_at_ms - 60_000 })).toBe(true);
    expect(isOver({ pid: process.ppid, started_at_ms: 0 })).toBe(false);
    // Above what any system gives out.
    expect(isOver({ pid: 2 ** 30, started_at_ms: 0 })).toBe(true);
  });
});
