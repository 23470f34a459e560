/** Every column of rounds, rejected records and duplicates: a round for each, so that all are altered at once. */
import { join } from 'node:path';
import type { DataDirectory } from '@sealtrail/data-directory';
import type { FsckFinding } from '@sealtrail/evidence';
import { DUPLICATES, REJECTED, ROUNDS, type TableDefinition } from '@sealtrail/ledger-store/sql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, temporaryFolder } from './cli.ts';
import { fsckHere, intrude, type Sent, sealedDirectory, type Wave } from './tampering-deployment.ts';
import { type Step, take } from './tampering-steps.ts';

const HOOK_TIMEOUT_MS = 300_000;
const zeros = (bytes: number): string => `toFixedString('', ${bytes})`;

type Finds = 'altered' | 'missing' | 'nothing';
type Columns = Readonly<Record<string, readonly [to: string, finds: Finds]>>;

const ROUND_COLUMNS: Columns = {
  version: ['version + 1', 'altered'],
  rules_version: ['rules_version + 1', 'altered'],
  topic: [`'audit.other'`, 'altered'],
  incarnation: ['incarnation + 1', 'altered'],
  partition: ['partition + 1', 'altered'],
  index: ['`index` + 9000', 'altered'],
  from: ['`from` - 1', 'altered'],
  to: ['`to` + 1', 'altered'],
  recorded_at: ['recorded_at + INTERVAL 1 MILLISECOND', 'altered'],
  record_hash: [zeros(32), 'altered'],
  heads: ['heads + 1', 'altered'],
  heads_root: [zeros(32), 'altered'],
  rejected: ['rejected + 1', 'altered'],
  rejected_root: [zeros(32), 'altered'],
  duplicates: ['duplicates - 1', 'altered'],
  duplicates_root: [zeros(32), 'altered'],
  registry_size: ['registry_size + 1', 'altered'],
  registry_root: [zeros(32), 'altered'],
  previous: ['hash', 'altered'],
  hash: [zeros(32), 'altered'],
  operator_size: ['operator_size + 1', 'altered'],
  operator_frontier: [`arrayPushBack(operator_frontier, ${zeros(32)})`, 'altered'],
};

const PLACE: Columns = {
  topic: [`'audit.other'`, 'missing'],
  incarnation: ['incarnation + 1', 'missing'],
  partition: ['partition + 1', 'missing'],
  claim: [`toFixedString('nobody', 16)`, 'missing'],
};
const REJECTED_COLUMNS: Columns = {
  ...PLACE,
  offset: ['offset - 1', 'altered'],
  reason: [`'too_large'`, 'altered'],
  length: ['length + 1', 'altered'],
  digest: [zeros(32), 'altered'],
  recorded_at: ['recorded_at - INTERVAL 1 DAY', 'altered'],
  // Bound by nothing, as docs/spec/fsck.md says; what sealed_bytes opens to must have the digest.
  detail: [`'nothing'`, 'nothing'],
  sealed_bytes: [`'nothing'`, 'nothing'],
};
const DUPLICATE_COLUMNS: Columns = {
  ...PLACE,
  offset: ['offset - 1', 'altered'],
  header_hash: [zeros(32), 'altered'],
  digest: [zeros(32), 'altered'],
  recorded_at: ['recorded_at + INTERVAL 1 DAY', 'altered'],
  tenant: [`'globex'`, 'nothing'],
};

interface Altered {
  readonly definition: TableDefinition;
  readonly columns: Columns;
  readonly code: string;
  /** Which of three rounds in a row it is that has the case: neighbours of an altered round are sound. */
  readonly at: number;
}
const TABLES: readonly Altered[] = [
  { definition: ROUNDS, columns: ROUND_COLUMNS, code: 'round', at: 0 },
  { definition: REJECTED, columns: REJECTED_COLUMNS, code: 'rejected', at: 1 },
  { definition: DUPLICATES, columns: DUPLICATE_COLUMNS, code: 'duplicate', at: 2 },
];
const ROUNDS_APART = 3;
const CASES = TABLES.flatMap(({ definition, columns, code, at }) =>
  Object.entries(columns).map(([column, [to, finds]], i) => ({
    table: definition.name,
    column,
    to,
    finds,
    code,
    round: 1 + i * ROUNDS_APART + at,
  })),
);
const LAST = Math.max(...CASES.map(({ round }) => round)) + 1;

const batch: Sent = { tenant: 'acme', events: 1 };
/** Four records a round, once there is one to be sent again. */
const RECORDS = 4;
const WAVES: readonly Wave[] = [
  [batch],
  ...Array.from({ length: LAST }, (): Wave => [batch, { garbage: 'no batch' }, { again: 0 }, batch]),
];
const firstOffset = (round: number): number => 1 + (round - 1) * RECORDS;

describe('tampering with rounds, rejected records and duplicates', () => {
  const folder = temporaryFolder('tampering-rounds');
  let findings: readonly FsckFinding[];

  beforeAll(async () => {
    const directory: DataDirectory = await sealedDirectory(join(folder, 'data'), [WAVES]);
    await intrude(directory, async (intruder) => {
      const [{ n } = { n: 0 }] = await intruder.rows('SELECT toUInt32(count()) AS n FROM rounds');
      expect(n).toBe(LAST + 1);
      const steps = CASES.map(({ table, column, to, round }): readonly Step[] => {
        const offset = firstOffset(round);
        const where = table === 'rounds' ? `\`index\` = ${round}` : `offset >= ${offset} AND offset < ${offset + RECORDS}`;
        return [{ do: 'set', table, where, to: { [column]: to } }];
      });
      await take(intruder, steps);
    });
    findings = (await fsckHere(directory)).findings;
  }, HOOK_TIMEOUT_MS);
  afterAll(() => remove(folder));

  it.each(TABLES.map((table) => [table.definition.name, table] as const))(
    'every column of %s is altered',
    (_name, { definition, columns }) => {
      expect(Object.keys(columns).sort()).toEqual(definition.columns.map(({ name }) => name).sort());
    },
  );

  it.each(CASES.map((one) => [`${one.table}.${one.column}: ${one.finds}`, one] as const))('%s', (_case, { finds, code, round }) => {
    const found = findings.filter((one) => one.round === round).map((one) => one.code);
    expect(found).toEqual(finds === 'nothing' ? [] : [`${code}_${finds}`]);
  });

  it('nothing else is found', () => {
    const detected = CASES.filter(({ finds }) => finds !== 'nothing').map(({ round }) => round);
    expect(findings.map(({ round }) => round).sort(compare)).toEqual(detected.sort(compare));
  });
});

const compare = (a: number | undefined, b: number | undefined): number => (a ?? -1) - (b ?? -1);
