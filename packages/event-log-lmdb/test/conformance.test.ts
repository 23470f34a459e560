import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLogConformance } from '@sealtrail/event-log/conformance';
import { type LmdbEventLog, openLmdbEventLog } from '../src/index.ts';

eventLogConformance('LMDB', {
  capabilities: new Set(['all_or_none', 'positions', 'expel', 'drop_before']),
  create: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sealtrail-log-'));
    const opened: LmdbEventLog[] = [];
    const open = async (): Promise<LmdbEventLog> => {
      const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes, handles: 'several' });
      opened.push(log);
      return log;
    };
    const operator = await open();
    return {
      prefix: '',
      clock_ms: Date.now,
      open,
      dispose: async () => {
        await Promise.all(opened.map((log) => log.close()));
        await rm(dir, { recursive: true });
      },
      expel: (group, topic, partition) => operator.expel(group, topic, partition),
      dropBefore: async (topic, partition, before) => {
        await operator.dropBefore(topic, partition, before);
      },
    };
  },
});
