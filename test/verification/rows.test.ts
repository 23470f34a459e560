/** Rows deleted, added, exchanged and forged: what the views say, and what they cannot say. */
import { commitRow, createSampleLedger, headRows, stored } from '@sealtrail/ledger-store/samples';
import { anyLeafHashExpression, manifestHashExpression } from '@sealtrail/ledger-store/sql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claims, type Finding, findingsOf, openSealedStore, type SealedStore, sealRounds, shortly } from './altered-store.ts';

interface Scenario {
  readonly title: string;
  /** What is done, for the rows of the scenario's own tenant; `tenant = T` stands for them. */
  readonly sql: readonly string[];
  readonly finds: readonly string[];
}

/** Takes rows out of a table and puts them in again changed: names in the expressions are those of the columns. */
const rewritten = (table: string, rows: string, replace: string, keep = ''): string[] => [
  `CREATE OR REPLACE TABLE taken ENGINE = Memory AS SELECT * FROM ${table} WHERE tenant = T AND ${rows}`,
  ...(keep === 'keep' ? [] : [`ALTER TABLE ${table} DELETE WHERE tenant = T AND ${rows}`]),
  `INSERT INTO ${table} SELECT * REPLACE (${replace}) FROM taken SETTINGS prefer_column_name_to_alias = 1`,
];
const added = (table: string, rows: string, replace: string): string[] => rewritten(table, rows, replace, 'keep');
const forgedLeaf = (rows: string): string =>
  `ALTER TABLE entries UPDATE leaf_hash = ${anyLeafHashExpression()} WHERE tenant = T AND ${rows}`;
const forgedHash = (rows: string): string =>
  `ALTER TABLE manifests UPDATE manifest_hash = ${manifestHashExpression()} WHERE tenant = T AND ${rows}`;

/** Of each tenant: entries 0–2 in position 0, 3–5 in 1, 6–8 in 2, none in 3; heads of sizes 2 and 4. */
const SCENARIOS: readonly Scenario[] = [
  {
    title: 'an entry is deleted',
    sql: ['ALTER TABLE entries DELETE WHERE tenant = T AND entry = 1'],
    finds: ['verify_batches 0 entries_missing'],
  },
  {
    title: 'all entries of a batch are deleted',
    sql: ['ALTER TABLE entries DELETE WHERE tenant = T AND position = 1'],
    finds: ['verify_batches 1 entries_missing'],
  },
  {
    title: 'an entry is there twice',
    sql: added('entries', 'entry = 1', 'entry AS entry'),
    finds: ['verify_batches 0 entries_added'],
  },
  {
    title: 'an entry is forged at the end of a batch, with its leaf',
    sql: [
      ...added('entries', 'entry = 2', `upper(action) AS action, entry + 1 AS entry, batch_index + 1 AS batch_index`),
      forgedLeaf('entry = 3'),
    ],
    finds: ['verify_batches 0 entries_added'],
  },
  {
    title: 'entries are forged beside all batches',
    sql: [...added('entries', 'entry = 2', `upper(action) AS action, toInt64(77) AS position`), forgedLeaf('position = 77')],
    finds: ['verify_batches 77 no_manifest'],
  },
  {
    title: 'two entries of a batch change places',
    sql: rewritten('entries', 'entry IN (0, 1)', '1 - entry AS entry, toInt32(1 - batch_index) AS batch_index'),
    finds: ['verify_batches 0 root_differs'],
  },
  {
    title: 'two entries of two batches change places',
    sql: rewritten(
      'entries',
      'entry IN (1, 4)',
      `5 - entry AS entry, 1 - position AS position, if(position = 0, offset + 1, offset - 1) AS offset,
       if(position = 0, recorded_at + INTERVAL 1 SECOND, recorded_at - INTERVAL 1 SECOND) AS recorded_at`,
    ),
    finds: ['verify_batches 0 root_differs', 'verify_batches 1 root_differs'],
  },
  {
    title: 'an event is replaced together with its leaf',
    sql: [`ALTER TABLE entries UPDATE action = upper(action) WHERE tenant = T AND entry = 1`, forgedLeaf('entry = 1')],
    finds: ['verify_batches 0 root_differs'],
  },
  {
    title: 'an event is replaced together with its leaf, the root and the manifest’s hash',
    sql: [
      `ALTER TABLE entries UPDATE action = upper(action) WHERE tenant = T AND entry = 1`,
      forgedLeaf('entry = 1'),
      `CREATE OR REPLACE TABLE taken ENGINE = Memory AS SELECT sealtrail_root(arrayMap(x -> x.2, arraySort(groupArray((batch_index, concat(leaf_hash, '')))))) AS root FROM entries WHERE tenant = T AND position = 0`,
      `ALTER TABLE manifests UPDATE root = toFixedString((SELECT any(root) FROM taken), 32) WHERE tenant = T AND position = 0`,
      forgedHash('position = 0'),
    ],
    finds: ['verify_chain 1 previous_differs', 'verify_chain 3 head_root_differs'],
  },
  {
    title: 'a manifest is deleted',
    sql: ['ALTER TABLE manifests DELETE WHERE tenant = T AND position = 0'],
    finds: ['verify_batches 0 no_manifest', 'verify_chain 1 positions_missing'],
  },
  {
    title: 'a manifest is there twice',
    sql: added('manifests', 'position = 1', 'position AS position'),
    finds: ['verify_chain 1 position_repeated'],
  },
  {
    title: 'a manifest is forged after the last, with its hash',
    sql: [...added('manifests', 'position = 3', 'position + 1 AS position, manifest_hash AS previous'), forgedHash('position = 4')],
    finds: ['verify_chain 4 head_missing'],
  },
  {
    title: 'two manifests change places, with their hashes',
    sql: [
      ...rewritten('manifests', 'position IN (0, 1)', `1 - position AS position, 3 - first_entry AS first_entry`),
      ...rewritten('entries', 'position IN (0, 1)', 'if(entry < 3, entry + 3, entry - 3) AS entry, 1 - position AS position'),
      forgedHash('position IN (0, 1)'),
    ],
    finds: [
      'verify_chain 0 previous_differs',
      'verify_chain 1 head_differs',
      'verify_chain 1 previous_differs',
      'verify_chain 2 previous_differs',
      'verify_chain 3 head_root_differs',
    ],
  },
  ...[2_147_483_647, -1].map(
    (count): Scenario => ({
      title: `a manifest counts ${count} entries`,
      sql: [`ALTER TABLE manifests UPDATE count = ${count} WHERE tenant = T AND position = 2`],
      finds: [
        'verify_batches 2 batch_size_differs',
        count > 0 ? 'verify_batches 2 entries_missing' : 'verify_batches 2 entries_added',
        'verify_chain 2 manifest_differs',
        'verify_chain 3 first_entry_differs',
      ],
    }),
  ),
  {
    title: 'the end of a log is cut off, its heads are left',
    sql: [
      'ALTER TABLE manifests DELETE WHERE tenant = T AND position >= 2',
      'ALTER TABLE entries DELETE WHERE tenant = T AND position >= 2',
    ],
    finds: ['verify_chain 3 positions_missing'],
  },
  {
    title: 'the last head is deleted',
    sql: ['ALTER TABLE heads DELETE WHERE tenant = T AND size = 4'],
    finds: ['verify_chain 3 head_missing'],
  },
  ...[
    ['last', `toFixedString('', 32)`, ['head_differs']],
    ['entries', 'entries + 1', ['head_differs']],
    ['offset', '(SELECT max(`from`) FROM commits WHERE partition = 0)', ['head_differs']],
    ['root', `toFixedString('', 32)`, ['head_root_differs', 'head_root_differs']],
    ['frontier', `arrayPushBack(frontier, toFixedString('', 32))`, ['head_root_differs']],
    ['frontier_size', 'frontier_size + 1', ['head_root_differs']],
  ].map(
    ([column, to, problems]): Scenario => ({
      title: `the last head says another ${column as string}`,
      sql: [`ALTER TABLE heads UPDATE ${column as string} = ${to as string} WHERE tenant = T AND size = 4`],
      finds: (problems as string[]).map((problem) => `verify_chain 3 ${problem}`),
    }),
  ),
  // From here on: what the views do not show. docs/analysts.md says it to their readers.
  {
    title: 'NOT SHOWN: the end of a log is cut off, its heads too',
    sql: [
      'ALTER TABLE manifests DELETE WHERE tenant = T AND position >= 2',
      'ALTER TABLE entries DELETE WHERE tenant = T AND position >= 2',
      'ALTER TABLE heads DELETE WHERE tenant = T AND size = 4',
    ],
    finds: [],
  },
  {
    title: 'NOT SHOWN: a whole tenant is deleted',
    sql: ['entries', 'manifests', 'heads'].map((table) => `ALTER TABLE ${table} DELETE WHERE tenant = T`),
    finds: [],
  },
];

const tenantOf = (scenario: number): string => `scenario-${scenario}`;
const FORGED = 'forged';

/** Some tens of mutations, each of which the engine waits for. */
const HOOK_TIMEOUT_MS = 300_000;

describe('rows altered behind the store', () => {
  let sealed: SealedStore;
  let findings: readonly Finding[];
  beforeAll(async () => {
    const tenants = [...SCENARIOS.keys()].map(tenantOf);
    sealed = await openSealedStore([...tenants, FORGED, 'clean']);
    const { store, ledger } = sealed;
    expect(await findingsOf(store)).toEqual([]);
    for (const [scenario, { sql }] of SCENARIOS.entries()) {
      for (const statement of sql) await store.alterUnguarded(statement.replaceAll('tenant = T', `tenant = '${tenantOf(scenario)}'`));
    }
    // Another hand writes the whole of one tenant's log, with keys of its own.
    const rounds = sealRounds(createSampleLedger({ seed: 'mallory' }), [...tenants, FORGED, 'clean']);
    for (const table of ['entries', 'manifests', 'heads'])
      await store.alterUnguarded(`ALTER TABLE ${table} DELETE WHERE tenant = '${FORGED}'`);
    for (const [i, round] of rounds.entries()) {
      const claim = i === 0 ? claims.first : claims.second;
      const batches = round.batches.filter(({ manifest }) => manifest.header.tenant === FORGED);
      await stored(store.insertEntries(ledger.key, claim, batches));
      await stored(store.insertManifests(ledger.key, claim, batches));
      await stored(
        store.insertHeads(
          ledger.key,
          claim,
          headRows(round).filter(({ tenant }) => tenant === FORGED),
        ),
      );
    }
    findings = await findingsOf(store);
  }, HOOK_TIMEOUT_MS);
  afterAll(() => sealed.close());

  for (const [scenario, { title, finds }] of SCENARIOS.entries()) {
    it(`${title}: ${finds.length === 0 ? 'nothing' : finds.join(', ')}`, () => {
      expect(shortly(findings, tenantOf(scenario))).toEqual([...finds].sort());
    });
  }

  it('NOT SHOWN: a whole log is written anew, signed with other keys', () => {
    expect(shortly(findings, FORGED)).toEqual([]);
  });

  it('nothing is said of logs that were left alone', () => {
    expect(findings.filter(({ tenant }) => !tenant.startsWith('scenario-'))).toEqual([]);
  });
});

describe('what is not visible', () => {
  it('is not verified: rows of a claim that has no commit row, or whose commit row is gone', async () => {
    const { store, ledger, close } = await openSealedStore(['acme']);
    try {
      await store.alterUnguarded(`ALTER TABLE entries UPDATE action = 'x' WHERE tenant = 'acme' AND position = 2`);
      await store.alterUnguarded(`ALTER TABLE manifests UPDATE shed = 9 WHERE tenant = 'acme' AND position >= 2`);
      expect((await findingsOf(store)).length).toBeGreaterThan(0);
      await store.alterUnguarded('ALTER TABLE commits DELETE WHERE ordinal = 1');
      expect(await findingsOf(store)).toEqual([]);
      const [, second] = sealRounds(createSampleLedger(), ['acme']);
      await stored(store.insertCommit(commitRow(ledger.key, claims.second, 1, second.round.from, second)));
      expect((await findingsOf(store)).length).toBeGreaterThan(0);
    } finally {
      await close();
    }
  });
});

describe('the engine’s own check', () => {
  it('guards inserts and not ALTER UPDATE: the views find what it lets through', async () => {
    const { store, close } = await openSealedStore(['acme'], { check_leaves: true });
    try {
      await expect(
        store.alterUnguarded(`INSERT INTO entries SELECT * REPLACE ('x' AS action) FROM entries WHERE tenant = 'acme' AND entry = 1`),
      ).rejects.toMatchObject({ name: 'LedgerStoreError' });
      expect(await findingsOf(store)).toEqual([]);
      await store.alterUnguarded(`ALTER TABLE entries UPDATE action = 'x' WHERE tenant = 'acme' AND entry = 1`);
      expect(shortly(await findingsOf(store), 'acme')).toEqual(['verify_entries 1 leaf_differs']);
    } finally {
      await close();
    }
  });
});
