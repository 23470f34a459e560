/** History of more tenants than windows are kept of. */
import { compile, type DetectionEvent, loadRules } from '@sealtrail/detection';
import { sha256 } from '@sealtrail/merkle/node';
import { expect, it } from 'vitest';
import { deniedBurst } from '../../../test/fixtures/denied-burst.ts';
import { BACKTEST_TENANTS_MAX, backtest } from '../src/backtest.ts';

const digest = (bytes: Uint8Array): Uint8Array => sha256().digest(bytes);
const { engine } = compile(loadRules([{ file: 'rules.yml', text: deniedBurst(3, '10m') }], { sha256: digest }), { sha256: digest });

const denied = (tenant: string, n: number): DetectionEvent => ({
  id: `${tenant}-${n}`,
  tenant,
  time_us: 1_700_000_000_000_000 + n * 1_000_000,
  logsource: { product: 'sealtrail', category: 'audit', service: 'api' },
  field: (name) => ({ outcome: 'DENIED', actor_id: 'mallory' })[name],
  values: () => [],
});
async function* together(tenants: readonly string[], events: number): AsyncGenerator<DetectionEvent> {
  for (const tenant of tenants) for (let n = 0; n < events; n++) yield denied(tenant, n);
}
const names = Array.from({ length: BACKTEST_TENANTS_MAX + 50 }, (_, i) => `tenant-${i}`);

it('a backtest keeps the windows of so many tenants, and finds what is in the history of each', async () => {
  const { alerts, events, windows_cut } = await backtest({ engine }, together(names, 3));
  expect(events).toBe(3 * names.length);
  expect(new Set(alerts.map(({ tenant }) => tenant))).toEqual(new Set(names));
  expect(alerts).toHaveLength(names.length);
  expect(windows_cut).toBe(0);
});

it('a backtest says so where a tenant comes again whose windows were let go', async () => {
  async function* twice(): AsyncGenerator<DetectionEvent> {
    yield* together(names, 2);
    yield denied('tenant-0', 3);
    yield denied(names.at(-1) ?? '', 3);
  }
  const { alerts, windows_cut } = await backtest({ engine }, twice());
  expect(alerts.map(({ tenant }) => tenant)).toEqual([names.at(-1)]);
  expect(windows_cut).toBe(1);
});
