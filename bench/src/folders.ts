import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes on disk of the files below a folder: whole blocks, and holes not counted. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).blocks * 512;
  }
  return bytes;
}
