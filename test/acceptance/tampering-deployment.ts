/** Real data directories for tests that tamper with them: sealed by the embedded ledger, altered by the engine alone. */
import { randomBytes } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { type BatchSigner, createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import type { FsckFinding, FsckReport } from '@sealtrail/evidence';
import { openProducerKey } from '@sealtrail/examples/producer-key';
import { EMBEDDED_LIMITS } from '@sealtrail/ledger';
import { sha256 } from '@sealtrail/merkle/node';
import { Session } from 'chdb';
import { embeddedAdapters } from '../../apps/sealtrail/src/deployment/adapters.ts';
import { openStack, type Stack } from '../../apps/sealtrail/src/deployment/stack.ts';

/** One record of the event log. */
export type Sent =
  /** A batch with so many events, or with these; 0 makes a heartbeat. */
  | { readonly tenant: string; readonly events: number | readonly EventToSign[] }
  /** Bytes that are no batch. */
  | { readonly garbage: string }
  /** The n-th record again. */
  | { readonly again: number };

/** Records that are sealed together, in one round where the ledger has them at once. */
export type Wave = readonly Sent[];

const SEAL_TIMEOUT_MS = 120_000;
const ROUND_POLL_MS = 5;
const PRODUCER = 'billing';
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Every column has a value: what is altered then is a value, and not only the lack of one. */
export function fullEvent(name: string): EventToSign {
  return {
    actor_type: 'USER',
    actor_id: `user-${name}`,
    actor_issuer: 'https://issuer.example',
    actor_client_id: 'web',
    actor_roles: ['clerk'],
    actor_scopes: ['invoices'],
    actor_chain: [{ issuer: null, subject: 'gateway' }],
    token_status: 'VERIFIED',
    token_id_hash: random(32),
    session_id_hash: random(32),
    token_key_id: 'key-1',
    token_algorithm: 'RS256',
    token_issued_at: 1_700_000_000_000,
    token_expires_at: 1_700_000_600_000,
    source_ip: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]),
    user_agent: 'curl/8',
    resource_id: `invoice-${name}`,
    related: [{ type: 'customer', id: '7' }],
    attributes: new Map([['currency', 'EUR']]),
    event_id: random(16),
    occurred_at: 1_700_000_000_123_456,
    action: 'invoice.delete',
    resource_type: 'invoice',
    outcome: 'SUCCESS',
    reason: 'requested',
    severity: 'MEDIUM',
    http_method: 'DELETE',
    http_route: '/invoices/:id',
    http_status: 204,
    trace_id: random(16),
    redactions: 0,
    personal: [random(32)],
  };
}

/** A checkpoint is made once a second at most: whether each wave waits for one, or the last one only. */
export type Checkpoints = 'each wave' | 'at the end';

/** A deployment whose ledger is started once a claim, and seals each wave before the next one is sent. */
export async function sealedDirectory(
  dir: string,
  claims: readonly (readonly Wave[])[],
  checkpoints: Checkpoints = 'at the end',
): Promise<DataDirectory> {
  const directory = await openDataDirectory({ dir, create: { random } });
  await sealInto(directory, claims, checkpoints);
  return directory;
}

/** Goes on with a directory, in further claims. */
export async function sealInto(
  directory: DataDirectory,
  claims: readonly (readonly Wave[])[],
  checkpoints: Checkpoints = 'at the end',
): Promise<void> {
  const { deployment } = directory;
  const stack = await open(directory);
  try {
    const key = await openProducerKey({ directory, log: stack.log, name: PRODUCER, tenants: ['*'], random });
    const signer = createBatchSigner({
      sha256: sha256(),
      sign: key.sign,
      publicKey: key.public_key,
      audience: deployment.audience,
      producer: PRODUCER,
      instance: random(16),
      started_at: Date.now(),
      random,
    });
    const producer = await stack.log.producer();
    const sent: { readonly key: Uint8Array | null; readonly value: Uint8Array }[] = [];
    for (const [claim, waves] of claims.entries()) {
      const stop = new AbortController();
      const ended = stack.startLedger(stop.signal);
      for (const wave of waves) {
        const records = wave.map((one) => recordOf(signer, one, sent));
        sent.push(...records);
        const before = stack.roundsSealed();
        const outcome = await producer.append(records.map((record) => ({ topic: deployment.topic, partition: 0, ...record })));
        if (outcome.kind !== 'appended') throw outcome.cause;
        const isOneRound = records.length <= EMBEDDED_LIMITS.round_records_max;
        if (isOneRound && checkpoints === 'at the end') await oneMore(stack, before);
        else await sealed(stack, directory);
      }
      if (claim === claims.length - 1) await sealed(stack, directory);
      stop.abort();
      await ended;
    }
    await producer.close();
  } finally {
    await stack.close();
  }
}

function recordOf(
  signer: BatchSigner,
  one: Sent,
  before: readonly { readonly key: Uint8Array | null; readonly value: Uint8Array }[],
): { readonly key: Uint8Array | null; readonly value: Uint8Array } {
  if ('garbage' in one) return { key: null, value: utf8(one.garbage) };
  if ('again' in one) return before[one.again] as (typeof before)[0];
  const { tenant } = one;
  const events = typeof one.events === 'number' ? Array.from({ length: one.events }, (_, i) => fullEvent(`${tenant}-${i}`)) : one.events;
  const { key, value } = signer.sign({ tenant, delivery: 'ROUTINE', events, ...(events.length === 0 ? { kind: 'HEARTBEAT' } : {}) });
  return { key, value };
}

async function oneMore(stack: Stack, rounds: number): Promise<void> {
  for (let waited_ms = 0; stack.roundsSealed() === rounds; waited_ms += ROUND_POLL_MS) {
    if (waited_ms > SEAL_TIMEOUT_MS) throw new Error(`no round after ${rounds} is sealed`);
    await sleep(ROUND_POLL_MS);
  }
}

async function sealed(stack: Stack, { deployment }: DataDirectory): Promise<void> {
  const reader = await stack.log.reader();
  const { end } = await reader.bounds(deployment.topic, 0);
  await reader.close();
  await stack.operations.awaitSealed({ partition: 0, offset: end, timeout_ms: SEAL_TIMEOUT_MS }, () => undefined);
}

const open = (directory: DataDirectory): Promise<Stack> =>
  openStack({
    directory,
    adapters: embeddedAdapters({ clock_ms: Date.now, random }),
    clock_ms: Date.now,
    random,
    onEvent: () => undefined,
  });

/** A directory as it stands, under another name. */
export async function copied(directory: DataDirectory, dir: string): Promise<DataDirectory> {
  await cp(directory.path, dir, { recursive: true });
  return openDataDirectory({ dir });
}

export const engineFolder = ({ store_dir }: DataDirectory): string => join(store_dir, 'engine');

/** A row as JSON gives it. */
export type Row = Readonly<Record<string, string | number | null>>;

/** Whoever has the files and an engine: nothing of this project stands between. */
export interface Intruder {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly Row[]>;
}

/** Opens the engine on a closed directory's files, and closes it again. */
export async function intrude<T>(directory: DataDirectory, act: (intruder: Intruder) => Promise<T>): Promise<T> {
  const session = new Session(engineFolder(directory));
  try {
    await session.queryAsync('USE sealtrail');
    await session.queryAsync('SET mutations_sync = 2, prefer_column_name_to_alias = 1');
    return await act({
      run: async (sql) => void (await session.queryAsync(sql)),
      rows: async (sql) => {
        const lines = (await session.queryAsync(`${sql} FORMAT JSONEachRow`)).text().split('\n');
        return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
      },
    });
  } finally {
    session.close();
  }
}

/** fsck in this process. */
export async function fsckHere(directory: DataDirectory, checkpoint: string | null = null): Promise<FsckReport> {
  const stack = await open(directory);
  try {
    return await stack.operations.fsck({ checkpoint, verifier_key: null }, () => undefined);
  } finally {
    await stack.close();
  }
}

/** What of a finding tells its place in a tenant's log. */
export type Place = Pick<FsckFinding, 'code' | 'tenant' | 'log' | 'entry' | 'position'>;

export function placeOf({ code, tenant, log, entry, position }: FsckFinding): Place {
  const place = { code, tenant, log, entry, position };
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined)) as unknown as Place;
}

/** Each tenant's log, in hex. */
export async function logsOf(directory: DataDirectory): Promise<ReadonlyMap<string, string>> {
  const rows = await intrude(directory, ({ rows: ask }) => ask('SELECT DISTINCT tenant, lower(hex(log)) AS log FROM heads'));
  return new Map(rows.map(({ tenant, log }) => [String(tenant), String(log)]));
}
