/**
 * How many rows come of an Avro object container file: the engine does not tell what it wrote. By what the file says of
 * itself, where a statement makes more of it, or else by the counts of its blocks.
 */
import { open } from 'node:fs/promises';

const SYNC_BYTES = 16;
const MAGIC_BYTES = 4;
const VARINT_BYTES_MAX = 10;
const INSERTED = 'sealtrail.inserted';

/** null when the file is no whole container. */
export async function containerRows(path: string): Promise<number | null> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let at = MAGIC_BYTES;
    const long = async (): Promise<number> => {
      const bytes = new Uint8Array(VARINT_BYTES_MAX);
      const { bytesRead } = await file.read(bytes, 0, VARINT_BYTES_MAX, at);
      let value = 0;
      for (let i = 0; i < bytesRead; i++) {
        const byte = bytes[i] as number;
        value += (byte & 0x7f) * 128 ** i;
        if (byte >= 0x80) continue;
        at += i + 1;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      throw new RangeError('the container ends early');
    };
    const text = async (): Promise<string> => {
      const bytes = new Uint8Array(await long());
      await file.read(bytes, 0, bytes.length, at);
      at += bytes.length;
      return new TextDecoder().decode(bytes);
    };
    let inserted: number | null = null;
    for (let pairs = await long(); pairs > 0; pairs = await long()) {
      for (let i = 0; i < pairs; i++) {
        const [name, value] = [await text(), await text()];
        if (name === INSERTED) inserted = Number(value);
      }
    }
    at += SYNC_BYTES;
    let rows = 0;
    while (at < size) {
      rows += await long();
      const length = await long();
      at += length + SYNC_BYTES;
    }
    if (at !== size) return null;
    return rows === 0 ? 0 : (inserted ?? rows);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  } finally {
    await file.close();
  }
}
