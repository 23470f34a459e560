import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import type { LogRecord } from '@sealtrail/event-log';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import type { ImportOutcome } from '@sealtrail/importers';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { emptyRegistry, examineRecord, extendRegistry } from '@sealtrail/seal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedAdapters } from '../src/deployment/adapters.ts';
import { importCloudTrailFile } from '../src/deployment/import-cloudtrail.ts';

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
const clock_ms = (): number => 1_700_000_000_000;

const line = (n: number): string =>
  `${JSON.stringify({
    eventID: `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`,
    eventTime: '2023-07-10T11:42:18Z',
    eventSource: 's3.amazonaws.com',
    eventName: 'ListBuckets',
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/alice' },
  })}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, n) => line(n)).join('');

describe('importCloudTrailFile', () => {
  let folder: string;
  let directory: DataDirectory;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealtrail-import-'));
    directory = await openDataDirectory({ dir: join(folder, 'data'), create: { random } });
    file = join(folder, 'trail.jsonl');
    await writeFile(file, lines(600));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const run = (tenant: string, path = file): Promise<ImportOutcome> =>
    importCloudTrailFile({
      directory,
      file: path,
      tenant,
      context: { adapters: embeddedAdapters({ clock_ms, random }), clock_ms, random, interrupted: new AbortController().signal },
      onProgress: () => {},
    });

  async function recordsOf(topic: string): Promise<readonly LogRecord[]> {
    const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms, random });
    try {
      const reader = await log.reader();
      const read = await reader.read(topic, 0, 0, { records_max: 1_000, bytes_max: 1 << 26, wait_ms: 0 });
      if (read.kind !== 'records') throw new Error(read.kind);
      return read.records;
    } finally {
      await log.close();
    }
  }

  /** What the ledger will say of each record: its reason code, or tenant and number of events, or the batch's kind where it has none. */
  async function verdicts(): Promise<readonly string[]> {
    const { audience, topic, registry_topic, incarnation, partitions } = directory.deployment;
    const keys = (await recordsOf(registry_topic)).map(({ value }) => value ?? new Uint8Array(0));
    const registry = extendRegistry(sha256(), emptyRegistry(sha256()), keys);
    const identity = { audience, topic, incarnation, partitions, partition: 0 };
    return (await recordsOf(topic)).map((record) => {
      const examined = examineRecord({ sha256: sha256(), verify: ed25519Verify(), identity, registry }, record, record.appended_at_ms);
      if (examined.kind !== 'sound') return examined.reason;
      const { tenant, kind, count } = examined.batch.header;
      return `${tenant} ${kind === 'DATA' ? count : kind}`;
    });
  }

  it('writes batches that the ledger accepts, and registers its key once a tenant', async () => {
    expect(await run('acme')).toMatchObject({ read: 600, accepted: 600, last: { partition: 0, offset: 3 } });
    expect(await run('acme')).toMatchObject({ read: 600, accepted: 0, skipped: 600, last: { partition: 0, offset: 3 } });
    expect(await run('other')).toMatchObject({ accepted: 600 });
    // Each run that brought something says at its end that nothing more comes.
    const of = (tenant: string): readonly string[] => [256, 256, 88, 'CLOSE'].map((what) => `${tenant} ${what}`);
    expect(await verdicts()).toEqual([...of('acme'), ...of('other')]);
    expect(await recordsOf(directory.deployment.registry_topic)).toHaveLength(2);
  });

  it('goes on in a file that grew, under another name', async () => {
    await run('acme');
    const longer = join(folder, 'longer.jsonl');
    await writeFile(longer, lines(610));
    expect(await run('acme', longer)).toMatchObject({ read: 610, accepted: 10, skipped: 600 });
  });

  it('makes nothing when the file or the tenant is wrong', async () => {
    await expect(run('acme', join(folder, 'none.gz'))).rejects.toMatchObject({ code: 'input_missing' });
    await expect(run('a b')).rejects.toMatchObject({ code: 'usage' });
    await writeFile(join(folder, 'x.gz'), 'not gzip');
    await expect(run('acme', join(folder, 'x.gz'))).rejects.toMatchObject({ code: 'input_malformed' });
    expect(existsSync(directory.log_dir)).toBe(false);
  });
});
