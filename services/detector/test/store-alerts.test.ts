import { readFileSync } from 'node:fs';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { sha256 } from '@sealtrail/merkle/node';
import type { AlertRecord } from '@sealtrail/wire';
import { expect, it } from 'vitest';
import { raiseStoreAlerts, type StoreFinding } from '../src/index.ts';
import { rulesOf } from './world.ts';

const RULES = readFileSync(new URL('../../../rules/pipeline_store.yml', import.meta.url), 'utf8');
const altered: StoreFinding = {
  code: 'entry_altered',
  partition: 'audit.events/1/0',
  tenant: 'acme',
  log: 'ab',
  entry: 7,
  detail: 'leaf_hash is aa, the columns give bb',
};

function world() {
  const raised: AlertRecord[] = [];
  const store = createMemoryAlertStore();
  const check = (checked_ms: number, ...findings: readonly StoreFinding[]): Promise<number> =>
    raiseStoreAlerts(
      {
        rules: rulesOf(RULES),
        sha256: sha256(),
        store,
        checked_ms,
        sink: {
          raise: async (alerts) => {
            raised.push(...alerts);
            await store.insertAlerts(
              alerts.map((alert) => ({ alert, fate: 'UNROUTED', fate_detail: '', risk_score: 0, risk_accumulated: 0, groups: [] })),
            );
          },
        },
      },
      findings,
    );
  return { raised, check };
}

it('what fsck found raises the alerts of its rules, for its tenant or for the operator', async () => {
  const { raised, check } = world();
  const rewritten: StoreFinding = { code: 'saved_checkpoint_mismatch', partition: 'audit.events/1/2', detail: 'the root differs' };
  expect(await check(1_000, altered, rewritten, { code: 'saved_checkpoint_foreign', detail: 'of another deployment' })).toBe(2);
  expect(
    raised.map(({ rule_title, tenant, level, raised_at, events_count }) => ({ rule_title, tenant, level, raised_at, events_count })),
  ).toEqual([
    { rule_title: 'Stored audit log altered', tenant: 'acme', level: 'CRITICAL', raised_at: 1_000, events_count: 1 },
    {
      rule_title: 'History of the audit log rewritten',
      tenant: 'sealtrail.operator',
      level: 'CRITICAL',
      raised_at: 1_000,
      events_count: 1,
    },
  ]);
  expect(raised.every(({ evidence }) => evidence.length === 0)).toBe(true);
});

it('the same state found again is the same alert, another alteration of the same row is another', async () => {
  const { raised, check } = world();
  await check(1_000, altered);
  expect(await check(90_000_000, altered)).toBe(0);
  expect(await check(90_000_001, altered, { ...altered, detail: 'leaf_hash is aa, the columns give cc' })).toBe(1);
  expect(await check(90_000_002, { ...altered, entry: 8 })).toBe(1);
  expect(new Set(raised.map(({ id }) => Buffer.from(id).toString('hex'))).size).toBe(3);
});

it('a store that is altogether wrong raises a bounded number', async () => {
  const { check } = world();
  const many = Array.from({ length: 2_500 }, (_, entry) => ({ ...altered, entry }));
  expect(await check(1_000, ...many)).toBe(1_000);
});
