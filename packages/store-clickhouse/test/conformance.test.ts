/** The unmodified client over HTTP, in databases of other names, packed and not: one suite for all. */
import type { LedgerStore } from '@sealtrail/ledger-store';
import { type EntryName, ledgerStoreConformance } from '@sealtrail/ledger-store/conformance';
import { bytesLiteral, ENTRIES, erasedAssignments, numberLiteral, textLiteral } from '@sealtrail/ledger-store/sql';
import type { ClickHouseLedgerStore } from '../src/index.ts';
import { databaseOf, servedForFile } from './served.ts';

const served = servedForFile();

const whereEntry = ({ partition: { topic, incarnation, partition }, tenant, entry }: EntryName): string =>
  `topic = ${textLiteral(topic)} AND incarnation = ${numberLiteral(incarnation)} AND partition = ${numberLiteral(partition)} ` +
  `AND tenant = ${textLiteral(tenant)} AND entry = ${numberLiteral(entry)}`;

const database = (store: LedgerStore): string => databaseOf(store as ClickHouseLedgerStore);

ledgerStoreConformance('store-clickhouse', {
  open: (settings) => served().open(settings),
  discard: (store) => served().alter(`DROP DATABASE ${database(store)} SYNC`),
  reopen: (closed) => served().open({ database: database(closed) }),
  checks_leaves: true,
  async erase(store, entry, section, digest) {
    const assignments = [...erasedAssignments(section), `${section}_digest = ${bytesLiteral(digest)}`];
    await served().alter(`ALTER TABLE ${database(store)}.${ENTRIES.name} UPDATE ${assignments.join(', ')} WHERE ${whereEntry(entry)}`);
  },
  async alterEntry(store, entry, column, value) {
    const literal = typeof value === 'number' ? numberLiteral(value) : typeof value === 'string' ? textLiteral(value) : bytesLiteral(value);
    await served().alter(`ALTER TABLE ${database(store)}.${ENTRIES.name} UPDATE ${column} = ${literal} WHERE ${whereEntry(entry)}`);
  },
  histories: 10,
});
