import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProducerKey, type DataDirectory, loadProducerKey, openDataDirectory, type SigningKey } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { type LmdbEventLog, openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operations } from '../../apps/sealtrail/src/control/operations.ts';
import { connectControl } from '../../apps/sealtrail/src/control/socket.ts';
import { type Ended, remove, sealtrail, temporaryFolder } from './cli.ts';
import { type Running, stop, up } from './deployment.ts';

const EVENTS = 5;
const folder = temporaryFolder('keys');
const data = join(folder, 'data');
const elsewhere = join(folder, 'elsewhere');
let directory: DataDirectory;
let log: LmdbEventLog;
let running: Running;
/** Of what runs: asking it so spares the test a process a question. */
let operations: Operations;

const keys = (...args: readonly string[]): Promise<Ended> => sealtrail('keys', ...args, '--data', data, '--json');
async function fine(...args: readonly string[]): Promise<Ended> {
  const ended = await sealtrail(...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

beforeAll(async () => {
  running = await up(data, '--no-canaries');
  directory = await openDataDirectory({ dir: data });
  const connected = await connectControl(directory);
  if (connected === null) throw new Error('what was just started does not answer');
  operations = connected;
  log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms: Date.now, random: randomBytes });
});
afterAll(async () => {
  await log.close();
  await stop(running);
  remove(folder);
});

const select = async <Row>(sql: string): Promise<readonly Row[]> =>
  (await operations.sql({ sql, rows_max: 1_000 })).rows as unknown as readonly Row[];

/** How many records of each verdict there are among some: `sealed`, or why not. */
type Verdicts = Readonly<Record<string, number>>;

/** Logs some events as a producer whose key that is, and gives the verdicts of all its records once the ledger has them. */
async function verdictsOn(producer: string, key: SigningKey, tenant: string): Promise<Verdicts> {
  const { audience, topic } = directory.deployment;
  const [reader, appending] = await Promise.all([log.reader(), log.producer()]);
  const from = (await reader.bounds(topic, 0)).end;
  const emitter = createEmitter({ log: appending, topic, audience, producer, publicKey: key.public_key, sign: key.sign, tenant });
  for (let n = 0; n < EVENTS; n++) void emitter.audit.log('invoice.read', { resource_id: `inv-${n}` });
  // The emitter cannot know: its batches are durable, and the ledger judges later.
  expect(await emitter.close()).toEqual({ kind: 'closed' });
  const to = (await reader.bounds(topic, 0)).end;
  expect(to).toBeGreaterThan(from);
  await appending.close();
  await reader.close();

  const visible = (table: string, verdict: string): string =>
    `SELECT ${verdict} AS verdict, r.offset AS offset FROM ${table} AS r INNER JOIN intervals AS i ON r.claim = i.claim
     WHERE r.offset >= i.from AND r.offset < i.to AND r.offset >= ${from} AND r.offset < ${to}`;
  const sql = `SELECT verdict, count() AS n FROM (${visible('manifests', "'sealed'")} UNION ALL ${visible('rejected', "CAST(reason, 'String')")}) GROUP BY verdict`;
  for (let wait = 0; wait < 60; wait++) {
    const rows = await select<{ readonly verdict: string; readonly n: number }>(sql);
    if (rows.reduce((sum, { n }) => sum + n, 0) === to - from) return Object.fromEntries(rows.map(({ verdict, n }) => [verdict, n]));
    await sleep(200);
  }
  throw new Error(`records ${from} to ${to} are not all judged`);
}
const entriesOf = async (tenant: string): Promise<number> =>
  Number((await select<{ readonly n: number }>(`SELECT count() AS n FROM audit_events WHERE tenant = '${tenant}'`))[0]?.n);

describe('a producer’s key', () => {
  let billing: SigningKey;

  it('that is added writes for its tenants, and for no other', async () => {
    const added = await keys('add', 'billing', '--tenants', 'acme,globex');
    expect(added.code, added.stderr).toBe(0);
    billing = await loadProducerKey(directory, 'billing');
    expect(added.json()).toEqual({ producer: 'billing', tenants: ['acme', 'globex'], key_id: Buffer.from(billing.key_id).toString('hex') });
    expect(Object.keys(await verdictsOn('billing', billing, 'acme'))).toEqual(['sealed']);
    expect(Object.keys(await verdictsOn('billing', billing, 'globex'))).toEqual(['sealed']);
    expect(Object.keys(await verdictsOn('billing', billing, 'initech'))).toEqual(['tenant_not_allowed']);
    expect(await Promise.all(['acme', 'globex', 'initech'].map(entriesOf))).toEqual([EVENTS, EVENTS, 0]);
  });

  it('that nobody added is unknown, and one of another producer not valid', async () => {
    const other = await openDataDirectory({ dir: elsewhere, create: { random: randomBytes } });
    const stranger = await createProducerKey(other, 'billing', randomBytes);
    expect(Object.keys(await verdictsOn('billing', stranger, 'acme'))).toEqual(['unknown_key']);
    expect(Object.keys(await verdictsOn('shop', billing, 'acme'))).toEqual(['key_not_valid']);
    expect(await entriesOf('acme')).toBe(EVENTS);
  });

  it('that is revoked signs nothing from then on; what it signed before stays, and can be proven', async () => {
    const proof = join(folder, 'entry-2.proof');
    expect((await keys('revoke', 'billing')).code).toBe(0);
    expect(Object.keys(await verdictsOn('billing', billing, 'acme'))).toEqual(['key_not_valid']);
    expect(await entriesOf('acme')).toBe(EVENTS);
    await fine('prove', '--tenant', 'acme', '--entry', '2', '--data', data, '--out', proof);
    const exported = (await keys('export')).json<{ readonly key: string } & Record<string, unknown>>().key;
    expect((await fine('verify', proof, '--key', exported, '--json')).json()).toMatchObject({ ok: true });
  });

  it('that was revoked is followed by another of the same name', async () => {
    expect((await keys('list')).json()).toMatchObject({ producers: [{ producer: 'billing', state: 'revoked' }] });
    expect((await keys('add', 'billing', '--tenants', 'acme')).code).toBe(0);
    const next = await loadProducerKey(directory, 'billing');
    expect(next.key_id).not.toEqual(billing.key_id);
    expect(Object.keys(await verdictsOn('billing', next, 'acme'))).toEqual(['sealed']);
    expect(Object.keys(await verdictsOn('billing', next, 'globex'))).toEqual(['tenant_not_allowed']);
    expect(Object.keys(await verdictsOn('billing', billing, 'acme'))).toEqual(['key_not_valid']);
    expect(await entriesOf('acme')).toBe(2 * EVENTS);
    const again = await keys('add', 'billing', '--tenants', 'acme');
    expect(again).toMatchObject({ code: 2, stdout: '' });
  });

  it('whose registration was cut short is registered by another `keys add`', async () => {
    const made = await createProducerKey(directory, 'shop', randomBytes);
    expect(Object.keys(await verdictsOn('shop', made, 'acme'))).toEqual(['unknown_key']);
    expect((await keys('list')).json()).toMatchObject({
      producers: [
        { producer: 'billing', state: 'valid', tenants: ['acme'] },
        { producer: 'shop', state: 'not registered', tenants: [] },
      ],
    });
    expect((await keys('add', 'shop', '--tenants', '*')).json()).toMatchObject({ key_id: Buffer.from(made.key_id).toString('hex') });
    expect(Object.keys(await verdictsOn('shop', made, 'acme'))).toEqual(['sealed']);
  });

  it('leaves a store that recomputes, whatever became of it', async () => {
    expect((await fine('fsck', '--data', data, '--json')).json()).toMatchObject({ ok: true, findings: [], entries: 4 * EVENTS });
  });
});

describe('keys list', () => {
  it('is a table for people', async () => {
    const { stdout } = await fine('keys', 'list', '--data', data);
    expect(stdout).toMatch(
      /^producer +state +tenants +key id\n─+  ─+  ─+  ─+\nbilling +valid +acme +[0-9a-f]{64}\nshop +valid +\* +[0-9a-f]{64}\n$/,
    );
  });
});

describe('keys export', () => {
  it('prints the key that checkpoints are signed by, or writes it', async () => {
    const printed = (await fine('keys', 'export', '--data', data)).stdout;
    expect(printed).toMatch(/^embedded\.[0-9a-f]{16}\/operator\/1\/0\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n$/);
    const file = join(folder, 'deployment.vkey');
    await fine('keys', 'export', '--data', data, '--out', file);
    const saved = join(folder, 'saved.txt');
    await fine('checkpoint', '--data', data, '--out', saved);
    await fine('fsck', '--data', data, '--checkpoint', saved, '--key', file);
    // That of another deployment signs none of this one's.
    const other = join(folder, 'other');
    await fine('keys', 'add', 'x', '--tenants', 'x', '--data', other);
    const foreign = (await fine('keys', 'export', '--data', other)).stdout.trim();
    expect((await sealtrail('fsck', '--data', data, '--checkpoint', saved, '--key', foreign, '--json')).code).toBe(1);
  });
});
