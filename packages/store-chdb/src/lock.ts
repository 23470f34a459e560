/** Who holds an engine's folder. The engine takes a lock on `status` in it, and tells nothing when it cannot. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The process that holds the folder; null when none does, or none that can be seen. */
export function holderOf(folder: string): number | null {
  const file = join(folder, 'status');
  let inode: number;
  try {
    inode = statSync(file).ino;
  } catch {
    return null; // no engine ever ran here
  }
  const locks = textOf('/proc/locks');
  if (locks !== null) {
    // "1: FLOCK  ADVISORY  WRITE 4711 fd:00:131 0 EOF"
    for (const line of locks.split('\n')) {
      const [, kind, , , pid, place] = line.trim().split(/\s+/);
      if (kind === 'FLOCK' && place?.split(':')[2] === String(inode)) return Number(pid);
    }
    return null;
  }
  const written = /^PID: (\d+)/m.exec(textOf(file) ?? '')?.[1];
  return written !== undefined && isAlive(Number(written)) ? Number(written) : null;
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
