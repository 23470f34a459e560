/**
 * Buffers for rows on their way in, used again: a fresh one of ten megabytes a round costs its page faults, and brings the
 * collector to mark the whole heap about once a round.
 */
export interface RowRoom {
  /** At least that many bytes, with anything in them, for this insert alone. */
  take(bytes: number): Uint8Array;
}

export interface RowRooms {
  /**
   * A room for one insert. Its buffers are kept for the next one when `isOver` says so: all was sent. Otherwise they are left
   * to the collector, as somebody may still be sending them.
   */
  with<T>(insert: (room: RowRoom) => Promise<T>, isOver: (outcome: T) => boolean): Promise<T>;
}

/** Rooms are made in whole steps, so that one fits the next round too, which is a little larger. */
const STEP_BYTES = 1 << 20;

/** Keeps free buffers of `kept_bytes_max` bytes together at most. */
export function createRowRooms(kept_bytes_max: number): RowRooms {
  /** Ascending by size. */
  const free: Uint8Array[] = [];
  let kept_bytes = 0;

  const take = (bytes: number): Uint8Array => {
    const at = free.findIndex(({ length }) => length >= bytes);
    // A larger one takes the place of the largest that is too small.
    const [found] = free.splice(at === -1 ? free.length - 1 : at, 1);
    kept_bytes -= found?.length ?? 0;
    if (found !== undefined && at !== -1) return found;
    return new Uint8Array(Buffer.allocUnsafeSlow(Math.max(1, Math.ceil(bytes / STEP_BYTES)) * STEP_BYTES).buffer);
  };
  const keep = (buffer: Uint8Array): void => {
    if (kept_bytes + buffer.length > kept_bytes_max) return;
    const at = free.findIndex(({ length }) => length > buffer.length);
    free.splice(at === -1 ? free.length : at, 0, buffer);
    kept_bytes += buffer.length;
  };

  return {
    async with(insert, isOver) {
      const taken: Uint8Array[] = [];
      const outcome = await insert({
        take(bytes) {
          const buffer = take(bytes);
          taken.push(buffer);
          return buffer;
        },
      });
      if (isOver(outcome)) for (const buffer of taken) keep(buffer);
      return outcome;
    },
  };
}
