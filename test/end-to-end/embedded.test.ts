import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { openChdbStore } from '@sealtrail/store-chdb';
import { endToEnd } from './suite.ts';

endToEnd(
  'LMDB and the embedded engine',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'end-to-end-'));
    return {
      partitions: 3,
      openLog: () =>
        openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: (bytes) => new Uint8Array(randomBytes(bytes)) }),
      openStore: () => openChdbStore({ dir: join(folder, 'store') }),
      close: () => rm(folder, { recursive: true }),
    };
  },
  120_000,
);
