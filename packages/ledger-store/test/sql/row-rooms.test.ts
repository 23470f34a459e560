import { describe, expect, it } from 'vitest';
import { createRowRooms, type RowRooms } from '../../src/sql/row-rooms.ts';

const MEGABYTE = 1 << 20;
const stored = async (rooms: RowRooms, bytes: number): Promise<Uint8Array> =>
  await rooms.with(
    async (room) => room.take(bytes),
    () => true,
  );

describe('a room for rows', () => {
  it('is used again by the next insert of about that size', async () => {
    const rooms = createRowRooms(8 * MEGABYTE);
    const first = await stored(rooms, 900_000);
    expect(first.length).toBe(MEGABYTE);
    expect((await stored(rooms, MEGABYTE)).buffer).toBe(first.buffer);
  });

  it('is never used again after an insert in doubt, which may still be on its way', async () => {
    const rooms = createRowRooms(8 * MEGABYTE);
    const late = await rooms.with(
      async (room) => room.take(10),
      () => false,
    );
    expect((await stored(rooms, 10)).buffer).not.toBe(late.buffer);
  });

  it('is never used again after an insert that threw', async () => {
    const rooms = createRowRooms(8 * MEGABYTE);
    let late: Uint8Array | null = null;
    const failing = rooms.with(
      async (room) => {
        late = room.take(10);
        throw new Error('gone');
      },
      () => true,
    );
    await expect(failing).rejects.toThrow('gone');
    expect((await stored(rooms, 10)).buffer).not.toBe((late as unknown as Uint8Array).buffer);
  });

  it('belongs to one insert at a time, and each buffer of an insert to one part', async () => {
    const rooms = createRowRooms(8 * MEGABYTE);
    await stored(rooms, 10);
    const buffers = await rooms.with(
      async (outer) => {
        const inner = await rooms.with(
          async (room) => [room.take(10), room.take(10)],
          () => true,
        );
        return [outer.take(10), outer.take(10), ...inner];
      },
      () => false,
    );
    // The inner insert is over before the outer one takes its own: those two may come again, beside no third.
    expect(new Set(buffers.slice(0, 2).map(({ buffer }) => buffer)).size).toBe(2);
    expect(new Set(buffers.slice(2).map(({ buffer }) => buffer)).size).toBe(2);
  });

  it('keeps no more bytes than it may, and lets a larger one take the place of one that is too small', async () => {
    const rooms = createRowRooms(4 * MEGABYTE);
    const small = await stored(rooms, MEGABYTE);
    const large = await stored(rooms, 4 * MEGABYTE);
    expect((await stored(rooms, 3 * MEGABYTE)).buffer).toBe(large.buffer);
    expect((await stored(rooms, MEGABYTE)).buffer).not.toBe(small.buffer);
    const huge = await stored(rooms, 5 * MEGABYTE);
    expect((await stored(rooms, 5 * MEGABYTE)).buffer).not.toBe(huge.buffer);
  });
});
