/** Inserts and commits rounds into the store of argv[2], under the topic of argv[3], until it is killed; says what is acknowledged. */
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { openChdbStore } from '../src/index.ts';

const [, , dir = '', topic = ''] = process.argv;
const ledger = createSampleLedger({ partition: { topic } });
const claim = new Uint8Array(16).fill(7);
const store = await openChdbStore({ dir });
for (let acknowledged = 0; ; ) {
  const round = ledger.round({ tenant: 'acme', events: 40 }, { tenant: 'globex', events: 3 });
  await storeRows(store, ledger.key, claim, round);
  await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
  process.stdout.write(`${++acknowledged}\n`);
}
