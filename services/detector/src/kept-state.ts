import { readFile } from 'node:fs/promises';
import type { AlertStateStore } from '@sealtrail/alerting';
import { writeDurably } from '@sealtrail/data-directory';

/** What hygiene knows, as a file that only its owner reads. One process at a time writes it. */
export const alertStateFile = (path: string): AlertStateStore => ({
  async load() {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  },
  save: (state) => writeDurably(path, state, 0o600),
});
