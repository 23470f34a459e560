/**
 * A file in the log's folder that says which process has it open. LMDB would tell too late: a second handle of one process
 * waits, in the open call itself, for a write of the first, which waits for the event loop that the call holds.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventLogError } from '@sealtrail/event-log';
import { isOver, thisProcess } from './process-life.ts';

export interface HandleMark {
  /** Once more is harmless. */
  remove(): void;
}

/**
 * Leaves this process's mark. What a killed process left behind is removed, also where this one has its pid. Throws
 * EventLogError `log_misuse` when this process has the folder open.
 */
export function markHandle(dir: string): HandleMark {
  const own = thisProcess();
  const file = join(dir, `${prefix}${own.pid}`);
  const isOwn = (): boolean => startedAt(file) === own.started_at_ms;
  try {
    mkdirSync(dir, { recursive: true });
    for (const name of readdirSync(dir)) if (isLeftBehind(dir, name)) rmSync(join(dir, name), { force: true });
    writeFileSync(file, String(own.started_at_ms), { flag: 'wx' });
  } catch {
    if (isOwn()) {
      throw new EventLogError('log_misuse', `the event log in ${dir} is open in this process: use that handle, or close it first`);
    }
    // On a full disk, or in another user's folder, there is no mark; whether LMDB can do with it, LMDB says.
  }
  return {
    remove() {
      if (isOwn()) rmSync(file, { force: true });
    },
  };
}

const prefix = 'open-in-';

function isLeftBehind(dir: string, name: string): boolean {
  if (!name.startsWith(prefix)) return false;
  const pid = Number(name.slice(prefix.length));
  const started_at_ms = startedAt(join(dir, name));
  return Number.isSafeInteger(pid) && pid > 0 && (started_at_ms === null || isOver({ pid, started_at_ms }));
}

/** null where nothing can be read: a process was killed between two steps. */
function startedAt(file: string): number | null {
  try {
    const written = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isSafeInteger(written) ? written : null;
  } catch {
    return null;
  }
}
