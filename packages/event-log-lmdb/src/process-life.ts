import { asError } from '@sealtrail/event-log';
import type { ProcessMark } from './rows.ts';

/** This life of this process. */
export const thisProcess = (): ProcessMark => ({ pid: process.pid, started_at_ms: Math.floor(performance.timeOrigin) });

/** True when that life is plainly over. A pid that another process has now counts as alive. */
export function isOver(mark: ProcessMark): boolean {
  const own = thisProcess();
  if (mark.pid === own.pid) return mark.started_at_ms !== own.started_at_ms;
  try {
    process.kill(mark.pid, 0);
    return false;
  } catch (thrown) {
    // EPERM: it is there, and belongs to someone else.
    const error = asError(thrown);
    return 'code' in error && error.code === 'ESRCH';
  }
}
