import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerStore } from '@sealtrail/ledger-store';
import { type EntryName, ledgerStoreConformance } from '@sealtrail/ledger-store/conformance';
import { bytesLiteral, ENTRIES, erasedAssignments, numberLiteral, textLiteral } from '@sealtrail/ledger-store/sql';
import { type ChdbLedgerStore, openChdbStore } from '../src/index.ts';

const chdb = (store: LedgerStore): ChdbLedgerStore => store as ChdbLedgerStore;

const whereEntry = ({ partition: { topic, incarnation, partition }, tenant, entry }: EntryName): string =>
  `topic = ${textLiteral(topic)} AND incarnation = ${numberLiteral(incarnation)} AND partition = ${numberLiteral(partition)} ` +
  `AND tenant = ${textLiteral(tenant)} AND entry = ${numberLiteral(entry)}`;

ledgerStoreConformance('store-chdb', {
  open: async (settings) => openChdbStore({ dir: await mkdtemp(join(tmpdir(), 'sealtrail-chdb-')), ...settings }),
  discard: (store) => rm(chdb(store).dir, { recursive: true, force: true }),
  reopen: (closed) => openChdbStore({ dir: chdb(closed).dir }),
  checks_leaves: true,
  async erase(store, entry, section, digest) {
    const assignments = [...erasedAssignments(section), `${section}_digest = ${bytesLiteral(digest)}`];
    await chdb(store).alterUnguarded(`ALTER TABLE ${ENTRIES.name} UPDATE ${assignments.join(', ')} WHERE ${whereEntry(entry)}`);
  },
  async alterEntry(store, entry, column, value) {
    const literal = typeof value === 'number' ? numberLiteral(value) : typeof value === 'string' ? textLiteral(value) : bytesLiteral(value);
    await chdb(store).alterUnguarded(`ALTER TABLE ${ENTRIES.name} UPDATE ${column} = ${literal} WHERE ${whereEntry(entry)}`);
  },
  histories: 10,
});
