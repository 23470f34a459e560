/** What concerns more than the rows of one log: whole tenants, the tail, claims, the key registry, files of the engine. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDirectory } from '@sealtrail/data-directory';
import type { FsckFinding, FsckReport } from '@sealtrail/evidence';
import { CHECKPOINTS, COMMITS, REGISTRY, tableDefinitions } from '@sealtrail/ledger-store/sql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { copied, fsckHere, type Intruder, intrude, sealedDirectory, type Wave } from './tampering-deployment.ts';
import { type Step, take } from './tampering-steps.ts';

const HOOK_TIMEOUT_MS = 300_000;
const folder = temporaryFolder('tampering-partitions');
afterAll(() => remove(folder));

const wave = (...tenants: readonly string[]): Wave => [...tenants.map((tenant) => ({ tenant, events: 2 })), { garbage: 'no batch' }];
/**
 *     claim 0  round 0  offsets 0–2    acme 0–1, globex 0–1       (entries)
 *              round 1  offsets 3–4    acme 2–3
 *     claim 1  round 2  offsets 5–8    acme 4–5, globex 2–3, initech 0–1
 *              round 3  offsets 9–10   globex 4–5
 *     claim 2  round 4  offsets 11–13  acme 6–7, initech 2–3
 *
 * The last record of each round is rejected.
 */
let pristine: DataDirectory;
let logs: ReadonlyMap<string, string>;
beforeAll(async () => {
  pristine = await sealedDirectory(
    join(folder, 'pristine'),
    [[wave('acme', 'globex'), wave('acme')], [wave('acme', 'globex', 'initech'), wave('globex')], [wave('acme', 'initech')]],
    'each wave',
  );
  await intrude(pristine, async ({ rows }) => {
    const rounds = await rows('SELECT toUInt32(`from`) AS first FROM rounds ORDER BY `from`');
    expect(rounds.map(({ first }) => first)).toEqual([0, 3, 5, 9, 11]);
    logs = new Map(
      (await rows('SELECT DISTINCT tenant, lower(hex(log)) AS log FROM heads')).map(({ tenant, log }) => [`${tenant}`, `${log}`]),
    );
  });
}, HOOK_TIMEOUT_MS);

let copies = 0;
async function altered(alter: (intruder: Intruder) => Promise<void>): Promise<DataDirectory> {
  const directory = await copied(pristine, join(folder, `copy-${copies++}`));
  await intrude(directory, alter);
  return directory;
}
const steps = (...all: readonly Step[]): Promise<DataDirectory> =>
  altered((intruder) =>
    take(
      intruder,
      all.map((step) => [step]),
    ),
  );
const gone = (table: string, where = '1'): Step => ({ do: 'delete', table, where });

/** Without its text, and without the partition, which is the only one. */
const placeOf = ({ detail: _detail, partition: _partition, ...rest }: FsckFinding): object => rest;
const found = async (directory: DataDirectory): Promise<readonly object[]> => (await fsckHere(directory)).findings.map(placeOf);
/** Through the command line. */
async function told(directory: DataDirectory): Promise<readonly object[]> {
  const ended = await sealtrail('fsck', '--data', directory.path, '--json');
  const { ok, findings } = ended.json<FsckReport & Record<string, unknown>>();
  expect([ended.code, ok], ended.stderr).toEqual(findings.length === 0 ? [0, true] : [1, false]);
  return findings.map(placeOf);
}
const of = (tenant: string): { tenant: string; log: string } => ({ tenant, log: logs.get(tenant) ?? '' });

it('nothing is found before, and a run for people says so', async () => {
  expect(await told(pristine)).toEqual([]);
  const ended = await sealtrail('fsck', '--data', pristine.path);
  expect([ended.code, ended.stdout]).toEqual([0, 'clean: 18 entries in 9 batches and 5 rounds recompute\n']);
});

describe('a whole tenant is removed', () => {
  const removed = (tenant: string): Promise<DataDirectory> =>
    steps(...['entries', 'manifests', 'heads', 'duplicates'].map((table) => gone(table, `tenant = '${tenant}'`)));

  it('and named, by the heads that the rounds bind and the records of the event log', async () => {
    expect(await told(await removed('globex'))).toEqual([
      { code: 'log_missing', ...of('globex'), position: 0, entry: 0, round: 0, offset: 1 },
    ]);
    expect(await found(await removed('acme'))).toEqual([
      { code: 'log_missing', ...of('acme'), position: 0, entry: 0, round: 0, offset: 0 },
    ]);
  });

  it('in a table for people', async () => {
    const ended = await sealtrail('fsck', '--data', (await removed('initech')).path);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^1 finding in 14 entries in 7 batches and 5 rounds\n/);
    expect(ended.stdout).toMatch(/log_missing +│? *initech/);
    const width = Math.max(...ended.stdout.split('\n').map((line) => line.length));
    expect(width, 'a line is wider than the screen').toBeLessThanOrEqual(110);
  });
});

describe('the tail is removed, from all tables', () => {
  /** All rounds from one on, with what covers them; `claims` is what is done to the commit rows. */
  const cut = (round: number, offset: number, ...claims: readonly Step[]): Promise<DataDirectory> =>
    steps(
      ...['entries', 'manifests', 'heads', 'rejected', 'duplicates'].map((table) => gone(table, `offset >= ${offset}`)),
      gone('rounds', `\`index\` >= ${round}`),
      gone('checkpoints', `size > ${round}`),
      ...claims,
    );

  it('the last claim: the event log has committed more', async () => {
    expect(await told(await cut(4, 11, gone('commits', '`from` >= 11')))).toEqual([{ code: 'tail_missing', offset: 11 }]);
  });
  it('a part of a claim, whose commit row is set back', async () => {
    const back: Step = {
      do: 'set',
      table: 'commits',
      where: '`from` = 5',
      to: { to: '9', round_hash: '(SELECT any(hash) FROM rounds WHERE `index` = 2)' },
    };
    expect(await found(await cut(3, 9, gone('commits', '`from` >= 11'), back))).toEqual([{ code: 'tail_missing', offset: 9 }]);
  });
  it('all of it', async () => {
    const all = tableDefinitions().map(({ name }): Step => ({ do: 'sql', sql: `TRUNCATE TABLE ${name}` }));
    expect(await found(await steps(...all))).toEqual([{ code: 'tail_missing', offset: 0 }]);
  });
  it('the database, too', async () => {
    expect(await found(await steps({ do: 'sql', sql: 'DROP DATABASE sealtrail' }))).toEqual([{ code: 'tail_missing', offset: 0 }]);
  });
});

describe('a commit row', () => {
  const altered_ = { code: 'commit_altered' };
  const COLUMNS: Readonly<Record<string, readonly [to: string, finds: object]>> = {
    topic: [`'audit.other'`, altered_],
    incarnation: ['incarnation + 1', altered_],
    partition: ['partition + 1', altered_],
    claim: [`toFixedString('nobody', 16)`, { code: 'rows_missing' }],
    ordinal: ['ordinal + 7', altered_],
    from: ['`from` + 1', { code: 'commit_gap' }],
    to: ['`to` - 1', altered_],
    round_hash: [`toFixedString('', 32)`, altered_],
  };
  it('has a test for every column', () => {
    expect(Object.keys(COLUMNS).sort()).toEqual(COMMITS.columns.map(({ name }) => name).sort());
  });
  // One claim is enough here: packages/evidence alters each.
  it.each(Object.entries(COLUMNS))('whose %s is altered', async (column, [to, finds]) => {
    const directory = await steps({ do: 'set', table: 'commits', where: '`from` = 5', to: { [column]: to } });
    const place = column === 'claim' ? { round: 2, offset: 5 } : { offset: 5 };
    expect(await found(directory)).toEqual([{ ...finds, ...place }]);
  });
  it.each([
    [0, { code: 'commit_gap', offset: 0 }],
    [5, { code: 'commit_gap', offset: 5 }],
    [11, { code: 'tail_missing', offset: 11 }],
  ])('of the claim that begins at offset %i is removed', async (from, finds) => {
    expect(await found(await steps(gone('commits', `\`from\` = ${from}`)))).toEqual([finds]);
  });
  it('is forged, and hides what was committed', async () => {
    const forged: Step = {
      do: 'copy',
      table: 'commits',
      where: '`from` = 11',
      to: { claim: `toFixedString('nobody', 16)`, ordinal: '3', from: '9' },
    };
    const codes = (await found(await steps(forged))).map((one) => (one as { code: string }).code);
    expect(codes).toContain('rows_missing');
  });
});

describe('a row of the key registry', () => {
  const COLUMNS: Readonly<Record<string, readonly [to: string, code: string]>> = {
    index: ['`index` + 1', 'registry_missing'],
    bytes: [`concat(bytes, 'x')`, 'registry_altered'],
  };
  it('has a test for every column', () => {
    expect(Object.keys(COLUMNS).sort()).toEqual(REGISTRY.columns.map(({ name }) => name).sort());
  });
  it.each(Object.entries(COLUMNS))('whose %s is altered', async (column, [to, code]) => {
    expect(await found(await steps({ do: 'set', table: 'registry', where: '1', to: { [column]: to } }))).toEqual([{ code }]);
  });
  it('is removed, or stands beside a forged one', async () => {
    expect(await found(await steps(gone('registry')))).toEqual([{ code: 'registry_missing' }]);
    const forged: Step = { do: 'copy', table: 'registry', where: '1', to: { bytes: `concat(bytes, 'x')` } };
    expect(await found(await steps(forged))).toEqual([{ code: 'registry_added' }]);
  });
});

describe('a stored checkpoint', () => {
  /** By the size of the one that is altered. */
  const COLUMNS: Readonly<Record<string, readonly [size: number, to: string, finds: readonly object[]]>> = {
    // Under another origin it is nobody's, as if it were removed: proofs and fsck need none of them.
    origin: [1, `concat(origin, 'x')`, []],
    size: [2, 'size + 900', [{ code: 'checkpoint_altered', round: 902 }]],
    root: [3, `toFixedString('', 32)`, [{ code: 'checkpoint_altered', round: 3 }]],
    note: [4, `replaceOne(note, '\\n4\\n', '\\n5\\n')`, [{ code: 'checkpoint_altered', round: 4 }]],
  };
  it('is altered in every column', async () => {
    expect(Object.keys(COLUMNS).sort()).toEqual(CHECKPOINTS.columns.map(({ name }) => name).sort());
    const all = Object.entries(COLUMNS).map(
      ([column, [size, to]]): Step => ({ do: 'set', table: 'checkpoints', where: `size = ${size}`, to: { [column]: to } }),
    );
    const expected = Object.values(COLUMNS).flatMap(([, , finds]) => finds);
    const places = (await found(await altered((intruder) => take(intruder, [all])))) as readonly { readonly round: number }[];
    expect([...places].sort((a, b) => a.round - b.round)).toEqual([...expected].sort((a, b) => roundOf(a) - roundOf(b)));
  });
});
const roundOf = (place: object): number => (place as { readonly round: number }).round;

describe('a view that analysts read through', () => {
  it('is altered: what it shows is false, though the rows are right', async () => {
    const directory = await steps({
      do: 'sql',
      sql: `CREATE OR REPLACE VIEW audit_events AS SELECT * REPLACE ('nobody' AS actor_id) FROM entries`,
    });
    expect(await told(directory)).toEqual([{ code: 'view_altered' }]);
    // It is made again.
    expect(await found(directory)).toEqual([]);
  });
});

it('a table is dropped: what it held is missing', async () => {
  const { findings } = await fsckHere(await steps({ do: 'sql', sql: 'DROP TABLE entries' }));
  expect(findings.map(({ code, tenant, entry }) => [code, tenant, entry])).toEqual(
    [
      ['acme', 0, 2, 4, 6],
      ['globex', 0, 2, 4],
      ['initech', 0, 2],
    ].flatMap(([tenant, ...entries]) => entries.map((entry) => ['entry_missing', tenant, entry])),
  );
});

const removeIn =
  (file: string) =>
  (path: string): void =>
    rmSync(join(path, file), { recursive: true });

describe('files of the engine are removed or altered', () => {
  /** Does something to the folder of the part that has these rows. */
  async function without(table: string, where: string, act: (path: string) => void = removeIn('')): Promise<DataDirectory> {
    const directory = await copied(pristine, join(folder, `copy-${copies++}`));
    await intrude(directory, async ({ run, rows }) => {
      // One part, however the engine has merged them.
      await run(`CREATE TABLE taken ENGINE = Memory AS SELECT * FROM ${table} WHERE ${where}`);
      await run(`ALTER TABLE ${table} DELETE WHERE ${where}`);
      await run(`SYSTEM STOP MERGES ${table}`);
      await run(`INSERT INTO ${table} SELECT * FROM taken`);
      const [part] = await rows(`SELECT DISTINCT _part AS part FROM ${table} WHERE ${where}`);
      const [row] = await rows(
        `SELECT path FROM system.parts WHERE active AND database = 'sealtrail' AND table = '${table}' AND name = '${part?.['part']}'`,
      );
      act(String(row?.['path']));
    });
    return directory;
  }
  const entriesGone = (): readonly object[] => [
    { code: 'entry_missing', ...of('acme'), entry: 4, position: 2, offset: 5 },
    { code: 'entry_missing', ...of('globex'), entry: 2, position: 1, offset: 6 },
    { code: 'entry_missing', ...of('initech'), entry: 0, position: 0, offset: 7 },
  ];
  it('a part of entries', async () => {
    expect(await told(await without('entries', 'offset IN (5, 6, 7)'))).toEqual(entriesGone());
  });
  it.each(['data.bin', 'primary.cidx'])('%s of a part of entries: the engine sets the part aside', async (file) => {
    expect(await found(await without('entries', 'offset IN (5, 6, 7)', removeIn(file)))).toEqual(entriesGone());
  });
  it('bytes of a part of entries: the part is named, and what is missing with it', async () => {
    const directory = await without('entries', 'offset IN (5, 6, 7)', (path) => {
      const bytes = readFileSync(join(path, 'data.bin'));
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      writeFileSync(join(path, 'data.bin'), bytes);
    });
    expect(await told(directory)).toEqual([{ code: 'part_unreadable' }, ...entriesGone()]);
  });
  it('a part of manifests', async () => {
    expect(await found(await without('manifests', 'offset IN (5, 6, 7)'))).toEqual([
      { code: 'manifest_missing', ...of('acme'), position: 2 },
      { code: 'manifest_missing', ...of('globex'), position: 1 },
      { code: 'manifest_missing', ...of('initech'), position: 0 },
    ]);
  });
  it('a part of rounds', async () => {
    expect(await found(await without('rounds', '`index` = 2'))).toEqual([{ code: 'round_missing', round: 2, offset: 5 }]);
  });
});
