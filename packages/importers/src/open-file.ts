import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ImportError } from './errors.ts';

const CHUNK_BYTES = 65_536;

/**
 * The bytes of a file, unpacked when it is gzip (by its first bytes, whatever its name; several members are one stream).
 * Throws ImportError `input_missing` for what cannot be read, and `input_malformed` for a file called .gz that is no gzip,
 * and, while it is read, for gzip that is damaged or cut off.
 */
export async function* readFileBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const magic = await firstBytes(path);
  const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
  if (!isGzip && path.endsWith('.gz') && magic.length > 0) {
    throw new ImportError('input_malformed', `${path} is not gzip though its name says so; give the file as it was written`);
  }
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  // The error of either comes out of the loop below; the callback only keeps it from being thrown twice.
  const bytes = isGzip ? pipeline(file, createGunzip(), () => {}) : file;
  try {
    yield* bytes as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw readError(path, error);
  } finally {
    bytes.destroy();
    file.destroy();
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      // It is read more than once: a pipe gives its bytes only once.
      if (!(await handle.stat()).isFile()) throw new ImportError('input_missing', `${path} is a folder, a pipe or the like; give a file`);
      const magic = new Uint8Array(2);
      const { bytesRead } = await handle.read(magic, 0, magic.length, 0);
      return magic.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof ImportError ? error : readError(path, error);
  }
}

function readError(path: string, error: unknown): ImportError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  if (code.startsWith('Z_')) {
    const what = code === 'Z_BUF_ERROR' ? 'is cut off' : 'is damaged gzip';
    return new ImportError('input_malformed', `${path} ${what} (${code}); give a whole copy: what was imported already is skipped then`, {
      cause: error,
    });
  }
  return new ImportError('input_missing', `cannot read ${path} (${code}); give a file that exists and may be read`, { cause: error });
}
