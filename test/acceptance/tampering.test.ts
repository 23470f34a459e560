import { join } from 'node:path';
import type { FsckReport } from '@sealtrail/evidence';
import { ENTRIES, HEADS, MANIFESTS } from '@sealtrail/ledger-store/sql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, remove, sealtrail, temporaryFolder } from './cli.ts';
import { entryAlterations, headAlterations, manifestAlterations } from './tampering-columns.ts';
import { placeOf } from './tampering-deployment.ts';
import { HEAD_CASES, ROW_CASES, type RowCase } from './tampering-rows.ts';
import { type AlteredTable, alterWorld, type Case, casesOf, columnsOf, placesIn, sealedWorld, sorted } from './tampering-world.ts';

interface Group {
  readonly title: string;
  readonly tables: readonly AlteredTable[];
  readonly rows: readonly RowCase[];
}

/** By entry number. */
const POSITIONS: Readonly<Record<number, number>> = { 0: 0, 7: 2, 11: 4 };
const GROUPS: readonly Group[] = [
  {
    title: 'entries and manifests',
    tables: [
      {
        definition: ENTRIES,
        alterations: entryAlterations,
        key: 'entry',
        rows: [0, 7, 11],
        placeOf: (entry) => ({ entry, position: POSITIONS[entry] as number }),
      },
      {
        definition: MANIFESTS,
        alterations: manifestAlterations,
        key: 'position',
        rows: [0, 2, 4],
        placeOf: (position) => ({ position }),
      },
    ],
    rows: ROW_CASES,
  },
  {
    title: 'heads',
    tables: [
      {
        definition: HEADS,
        alterations: headAlterations,
        key: 'size',
        rows: [2, 4, 5],
        placeOf: (size) => ({ position: size - 1 }),
      },
    ],
    rows: HEAD_CASES,
  },
];

/** Hundreds of batches are sealed, and some tens of mutations awaited. */
const HOOK_TIMEOUT_MS = 600_000;

describe.each(GROUPS.map((group) => [group.title, group] as const))(
  'tampering with %s, through the engine alone',
  (_title, { tables, rows }) => {
    const folder = temporaryFolder('tampering');
    const data = join(folder, 'data');
    const cases = casesOf(tables, rows);
    let clean: Ended;
    let ended: Ended;
    let report: FsckReport;
    let logs: ReadonlyMap<string, string>;

    beforeAll(async () => {
      const directory = await sealedWorld(data, tables, rows);
      clean = await sealtrail('fsck', '--data', data, '--json');
      logs = await alterWorld(directory, tables, rows);
      ended = await sealtrail('fsck', '--data', data, '--json');
      report = ended.json<FsckReport & Record<string, unknown>>();
    }, HOOK_TIMEOUT_MS);
    afterAll(() => remove(folder));

    it('nothing is found before', () => {
      expect(clean.json(), clean.stderr).toMatchObject({ ok: true, findings: [] });
      expect(clean.code).toBe(0);
    });

    it.each(tables.map((table) => [table.definition.name, table] as const))('every column of %s is altered', (_name, table) => {
      expect(columnsOf(table)).toEqual(table.definition.columns.map(({ name }) => name).sort());
    });

    it.each(cases.map((one) => [one.title, one] as const))('%s', (_case, { finds, tenants }) => {
      expect(placesIn(report.findings, tenants)).toEqual(sorted(finds, logs));
    });

    it('fsck exits 1, and finds nothing else', () => {
      expect(ended.code).toBe(1);
      const all = sorted(
        cases.flatMap(({ finds }: Case) => finds),
        logs,
      );
      expect(sorted(report.findings.map(placeOf), logs)).toEqual(all);
      expect(report).toMatchObject({ ok: false, findings_dropped: 0 });
      for (const { tenant, log, detail } of report.findings) {
        expect([tenant, log].every((name) => typeof name === 'string' && name !== '')).toBe(true);
        expect(detail).toMatch(/^[^\n]+$/);
      }
    });
  },
);
