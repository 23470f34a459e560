import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileRoom } from '../src/file-room.ts';
import type { LogTables, Table } from '../src/tables.ts';
import { testDirectory } from './test-log.ts';

const PAGE_BYTES = 4_096;
const MIB = 1_048_576;

/** An environment whose file has been used up to a page, of which its tables hold some. */
function tablesOf(used_pages: number, held_pages: number): LogTables {
  const tree = (pages: number) => ({ pageSize: PAGE_BYTES, treeBranchPageCount: 0, treeLeafPageCount: pages, overflowPages: 0 });
  const stats = { ...tree(held_pages), lastPageNumber: used_pages - 1, root: tree(0), free: tree(0) };
  const table = { getStats: () => stats } as unknown as Table;
  return { env: table, records: table } as unknown as LogTables;
}

async function roomOver(tables: LogTables, disk: 'roomy' | 'full'): Promise<{ readonly room: FileRoom; readonly path: string }> {
  const dir = await testDirectory();
  const path = join(dir, 'data.mdb');
  // Written to, it is a disk without room.
  if (disk === 'full') symlinkSync('/dev/full', path);
  else writeFileSync(path, Buffer.alloc(100 * PAGE_BYTES));
  const room = new FileRoom(tables, dir);
  onTestFinished(() => room.close());
  return { room, path };
}

describe('room in the file', () => {
  it('is taken for what a transaction writes and some more, once', async () => {
    const { room, path } = await roomOver(tablesOf(100, 90), 'roomy');
    room.takeInside(3 * MIB, 2, false);
    const { size } = statSync(path);
    expect(size).toBeGreaterThanOrEqual(100 * PAGE_BYTES + 7 * MIB);
    expect(size).toBeLessThan(100 * PAGE_BYTES + 8 * MIB);
    room.takeInside(3 * MIB, 2, false);
    expect(statSync(path).size).toBe(size);
  });
});

it('a file that cannot be opened is told as a log that cannot be used', async () => {
  const dir = await testDirectory();
  expect(() => new FileRoom(tablesOf(1, 1), dir)).toThrow(expect.objectContaining({ code: 'log_unavailable' }));
});

describe.runIf(process.platform === 'linux')('room on a full disk', () => {
  const full = { code: 'log_no_space', message: expect.stringMatching(/^the event log in .+ has no space left: make room on its disk$/) };

  it('is refused', async () => {
    const { room } = await roomOver(tablesOf(100, 90), 'full');
    expect(() => room.takeInside(0, 1, false)).toThrow(expect.objectContaining(full));
  });

  it('is not asked for by work that frees more than it takes', async () => {
    const { room } = await roomOver(tablesOf(100, 90), 'full');
    room.takeInside(0, 1, true);
  });
});
