/** Files through which rows enter the engine: binary formats inside a statement are corrupted on their way. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreparedInsert } from '@sealtrail/ledger-store/sql';
import { quoted } from '@sealtrail/ledger-store/sql';

/** Removes what a process that was killed left behind. Only the holder of the store may call it. */
export async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

/** Writes the container, gives the statement that reads it to `use`, and removes it whatever happens. */
export async function withContainer<T>(folder: string, insert: PreparedInsert, use: (statement: string) => Promise<T>): Promise<T> {
  const path = join(folder, `${insert.table}-${randomUUID()}.avro`);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      let written = 0;
      for (const { length } of insert.parts) written += length;
      const { bytesWritten } = await file.writev([...insert.parts]);
      // A disk that fills up may take a part only.
      if (bytesWritten !== written) throw new Error(`ENOSPC: ${bytesWritten} of ${written} bytes were written`);
    } finally {
      await file.close();
    }
    return await use(insert.statement((structure) => `file(${quoted(path)}, 'Avro', ${structure})`));
  } finally {
    await rm(path, { force: true });
  }
}
