import { alertStoreConformance } from '@sealtrail/ledger-store/conformance';
import type { ClickHouseLedgerStore } from '../src/index.ts';
import { databaseOf, servedForFile } from './served.ts';

const served = servedForFile();
let open: ClickHouseLedgerStore | undefined;

alertStoreConformance('store-clickhouse', {
  async open() {
    open = await served().open();
    return open.alerts;
  },
  async discard() {
    if (open !== undefined) await served().alter(`DROP DATABASE ${databaseOf(open)} SYNC`);
  },
});
