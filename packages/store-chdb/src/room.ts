/**
 * Room on the engine's disk. The engine (26.7 in chDB 3.4) does not look at the outcome of a write: on a full disk an insert
 * and a merge end as if all were well and leave parts of empty files. A part that an insert left so has lost its rows; one
 * that a merge left so hides its sources, which the engine removes after some minutes. So this looks at the room itself.
 */
import { statfs } from 'node:fs/promises';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { type Engine, openEngine } from './engine.ts';

export interface RoomOptions {
  /** With less than this the store takes no rows and merges none; 64 MiB when absent. */
  readonly room_bytes_min?: number;
  /** How often the room is looked at when nothing is inserted; 500 when absent. */
  readonly look_every_ms?: number;
  /** Bytes that are free; the file system's own answer when absent. */
  readonly free_bytes?: () => Promise<number>;
}

const ROOM_BYTES_MIN = 67_108_864;
const LOOK_EVERY_MS = 500;
/** Room counts as found again when there is so much more of it: the engine must not be opened anew for every file removed. */
const FOUND_AGAIN = 1.5;

/**
 * The engine of a folder, which takes inserts and definitions only while there is room before and after them: one that ends without has
 * stored its rows or not (`store_no_space`). When room is short the engine is opened anew, which sets parts of empty files
 * aside and takes up the sources of merges again, and merges rest; when it is found again, once more. Throws as `openEngine`.
 */
export function openRoomyEngine(folder: string, options: RoomOptions = {}): Engine {
  const room_bytes_min = options.room_bytes_min ?? ROOM_BYTES_MIN;
  const free_bytes = options.free_bytes ?? (() => freeOn(folder));
  let engine: Engine | LedgerStoreError = openEngine(folder);
  let short = false;
  let closing: Promise<void> | null = null;
  let changing: Promise<void> | null = null;

  const settled = async (): Promise<void> => {
    for (let now = changing; now !== null; now = changing) await now;
  };
  const openAgain = async (): Promise<void> => {
    if (!(engine instanceof LedgerStoreError)) await engine.close();
    try {
      engine = openEngine(folder);
      if (short) await engine.run('SYSTEM STOP MERGES', 'TSVRaw');
    } catch (error) {
      // The next look tries again.
      engine = error as LedgerStoreError;
    }
  };
  /** Throws while there is no room. */
  const look = async (): Promise<void> => {
    const free = await free_bytes();
    await settled();
    const wasShort = short;
    short = free < (short ? room_bytes_min * FOUND_AGAIN : room_bytes_min);
    if (closing === null && (short !== wasShort || engine instanceof LedgerStoreError)) {
      changing = openAgain().finally(() => (changing = null));
      await changing;
    }
    if (short) throw noRoom(folder, room_bytes_min);
  };
  const timer = setInterval(() => void look().catch(untold), options.look_every_ms ?? LOOK_EVERY_MS);
  timer.unref();

  const opened = (): Engine => {
    if (engine instanceof LedgerStoreError) throw engine;
    return engine;
  };
  const use = async <T>(act: (engine: Engine) => Promise<T>): Promise<T> => {
    await settled();
    return act(opened());
  };
  const runAll: Engine['runAll'] = async (statements, format) => {
    if (!statements.some((sql) => WRITES.test(sql))) return use((one) => one.runAll(statements, format));
    await look();
    const answer = await use((one) => one.runAll(statements, format));
    await look();
    return answer;
  };
  return {
    run: (sql, format) => runAll([sql], format),
    runAll,
    onConnection: (act) => use((one) => one.onConnection(act)),
    assertOpen() {
      if (closing !== null) opened().assertOpen();
    },
    close() {
      closing ??= (async () => {
        clearInterval(timer);
        await settled();
        if (!(engine instanceof LedgerStoreError)) await engine.close();
      })();
      return closing;
    },
  };
}

/** Definitions are written to files too: on a full disk one that is replaced could end up empty. */
const WRITES = /^\s*(?:INSERT|CREATE|ALTER)\b/i;

/** Whoever inserts is told; the timer only has to look. */
const untold = (): void => undefined;

async function freeOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

const noRoom = (folder: string, room_bytes_min: number): LedgerStoreError =>
  new LedgerStoreError(
    'store_no_space',
    `${folder}: the disk has less than ${room_bytes_min / 1_048_576} MiB left: make room; the store takes no rows until then`,
  );
