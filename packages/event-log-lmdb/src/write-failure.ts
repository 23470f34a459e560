import { statfs } from 'node:fs/promises';
import { asError, EventLogError } from '@sealtrail/event-log';

export interface WriteFailure {
  readonly error: Error;
  /** False when nothing of the transaction took effect. */
  readonly doubtful: boolean;
}

/** As LMDB tells them (ENOSPC, EDQUOT on Linux and macOS, EFBIG, MDB_MAP_FULL), and as Node does. */
const no_space_codes: ReadonlySet<unknown> = new Set([28, 122, 69, 27, -30792, 'ENOSPC', 'EDQUOT', 'EFBIG']);
/** LMDB's short write at the end of a disk, but also a disk that is broken. */
const io_error_code = 5;
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID. */
const corrupt_codes: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793]);

/** Less room than this after an I/O error counts as a full disk. */
const room_bytes_min = 64 * 1024 * 1024;

/** What a failed transaction on the log in `dir` means. */
export async function writeFailure(thrown: unknown, dir: string): Promise<WriteFailure> {
  const error = asError(thrown);
  const failed_commit = await commitErrorOf(error);
  // The work itself threw, and was rolled back.
  if (error instanceof EventLogError) return { error, doubtful: false };
  const cause = failed_commit ?? error;
  const code = codeOf(cause);
  if (isNoSpace(cause) || (code === io_error_code && (await isFull(dir)))) {
    return { error: noSpaceOn(dir, cause), doubtful: false };
  }
  if (corrupt_codes.has(code)) {
    return {
      error: new EventLogError('log_corrupt', `the event log in ${dir} is damaged: restore it from a backup`, { cause }),
      doubtful: true,
    };
  }
  return {
    error: new EventLogError('log_unavailable', `cannot write to the event log in ${dir}: see the cause, and try again`, { cause }),
    doubtful: failed_commit !== null,
  };
}

/** lmdb tells a failed commit by one error, and why by a promise on it that rejects with another. */
async function commitErrorOf(error: Error): Promise<Error | null> {
  if (!('commitError' in error)) return null;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return asError(cause);
  }
}

export const isNoSpace = (error: Error): boolean => no_space_codes.has(codeOf(error));
export const noSpaceOn = (dir: string, cause: Error): EventLogError =>
  new EventLogError('log_no_space', `the event log in ${dir} has no space left: make room on its disk`, { cause });

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined);

async function isFull(dir: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize < room_bytes_min;
  } catch {
    // A directory that cannot even be looked at is another trouble than a full one.
    return false;
  }
}
