import { createMemoryEventLog } from '@sealtrail/event-log/memory';
import { createMemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { endToEnd } from './suite.ts';

endToEnd(
  'memory',
  async () => {
    const log = createMemoryEventLog({ clock_ms: Date.now });
    return {
      partitions: 3,
      openLog: async () => log.open(),
      openStore: async () => createMemoryLedgerStore(),
      close: async () => undefined,
    };
  },
  30_000,
);
