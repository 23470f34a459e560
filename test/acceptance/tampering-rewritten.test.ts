/** An attacker who rewrites everything under the data directory, with all its keys: only what was kept elsewhere can tell. */
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import type { EventToSign } from '@sealtrail/emitter';
import type { FsckReport } from '@sealtrail/evidence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { copied, fullEvent, intrude, sealedDirectory, sealInto, type Wave } from './tampering-deployment.ts';

const HOOK_TIMEOUT_MS = 300_000;
const folder = temporaryFolder('tampering-rewritten');
const data = join(folder, 'data');
const SAVED = join(folder, 'saved.txt');
const VERIFIER_KEY = join(folder, 'ledger.vkey');
afterAll(() => remove(folder));

/** What happened: the same events every time. */
const events: readonly EventToSign[] = Array.from({ length: 6 }, (_, i) => fullEvent(`true-${i}`));
const waves = (all: readonly EventToSign[]): readonly Wave[] => [
  [
    { tenant: 'acme', events: all.slice(0, 2) },
    { tenant: 'globex', events: 2 },
  ],
  [{ tenant: 'acme', events: all.slice(2, 4) }],
  [{ tenant: 'acme', events: all.slice(4) }],
];

let directory: DataDirectory;
/** The same directory as it was after the second of three rounds. */
let older: DataDirectory;
beforeAll(async () => {
  directory = await sealedDirectory(data, [waves(events).slice(0, 2)]);
  older = await copied(directory, join(folder, 'older'));
  await sealInto(directory, [waves(events).slice(2)]);
  const saved = await sealtrail('checkpoint', '--data', data, '--out', SAVED);
  expect(saved.code, saved.stderr).toBe(0);
  const exported = await sealtrail('keys', 'export', '--data', data, '--out', VERIFIER_KEY);
  expect(exported.code, exported.stderr).toBe(0);
}, HOOK_TIMEOUT_MS);

interface Told {
  readonly code: number;
  readonly findings: readonly string[];
}
async function fsck(...more: readonly string[]): Promise<Told> {
  const ended = await sealtrail('fsck', '--data', data, ...more, '--json');
  const { findings } = ended.json<FsckReport & Record<string, unknown>>();
  return { code: ended.code, findings: findings.map(({ code }) => code) };
}
const CLEAN: Told = { code: 0, findings: [] };

/** Puts something else in the place of the data directory for the while. */
async function instead(forge: (dir: string) => Promise<unknown>, look: () => Promise<void>): Promise<void> {
  const aside = join(folder, 'aside');
  const forged = join(folder, 'forged');
  await forge(forged);
  renameSync(data, aside);
  renameSync(forged, data);
  try {
    await look();
  } finally {
    rmSync(data, { recursive: true });
    renameSync(aside, data);
  }
}

/** A deployment of the same name with the same keys, and nothing in it. */
async function sameKeys(dir: string, keys: 'with keys' | 'without keys' = 'with keys'): Promise<DataDirectory> {
  mkdirSync(join(dir, 'keys', 'producers'), { recursive: true });
  cpSync(join(directory.path, 'deployment.json'), join(dir, 'deployment.json'));
  if (keys === 'with keys') cpSync(directory.keys_dir, join(dir, 'keys'), { recursive: true });
  return openDataDirectory({ dir });
}
const rewritten = async (dir: string, claims: readonly (readonly Wave[])[], keys?: 'without keys'): Promise<void> =>
  sealInto(await sameKeys(dir, keys), claims);

describe('a store that nobody touched', () => {
  it('is clean, and extends the checkpoint that was saved', async () => {
    expect(await fsck()).toEqual(CLEAN);
    expect(await fsck('--checkpoint', SAVED)).toEqual(CLEAN);
    expect(await fsck('--checkpoint', SAVED, '--key', VERIFIER_KEY)).toEqual(CLEAN);
  });
});

describe('a deployment that was rewritten with all keys is sound in itself, and is not what was saved', () => {
  it('with other events', async () => {
    const other = events.map((_, i) => fullEvent(`other-${i}`));
    await instead(
      (dir) => rewritten(dir, [waves(other).slice(0, 2), waves(other).slice(2)]),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_mismatch'] });
        expect(await fsck('--checkpoint', SAVED, '--key', VERIFIER_KEY)).toEqual({ code: 1, findings: ['saved_checkpoint_mismatch'] });
      },
    );
  });

  it('with the same events but for one column of one', async () => {
    const [first, ...rest] = events as [EventToSign, ...EventToSign[]];
    const forged = [{ ...first, actor_id: 'somebody-else' }, ...rest];
    await instead(
      (dir) => rewritten(dir, [waves(forged).slice(0, 2), waves(forged).slice(2)]),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_mismatch'] });
      },
    );
  });

  it('from the middle on: all before is as it was', async () => {
    await instead(
      async (dir) => sealInto(await copied(older, dir), [[[{ tenant: 'acme', events: [fullEvent('other')] }]]]),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_mismatch'] });
      },
    );
  });

  it('cut off, with the event log: an older copy of everything', async () => {
    await instead(
      (dir) => copied(older, dir),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_ahead'] });
      },
    );
  });

  it('emptied, with the event log', async () => {
    await instead(
      (dir) => sameKeys(dir),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect((await fsck('--checkpoint', SAVED)).code).toBe(1);
      },
    );
  });
});

describe('a deployment that was rewritten with keys of the attacker’s own', () => {
  it('does not verify what was saved, and was not signed by the key that was kept beside it', async () => {
    await instead(
      (dir) => rewritten(dir, [waves(events)], 'without keys'),
      async () => {
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_invalid'] });
        expect(await fsck('--checkpoint', SAVED, '--key', VERIFIER_KEY)).toEqual({ code: 1, findings: ['saved_checkpoint_mismatch'] });
      },
    );
  });
});

describe('a store that was rewritten beside an event log that was not', () => {
  it('is not the one that was committed', async () => {
    const other = events.map((_, i) => fullEvent(`other-${i}`));
    await instead(
      async (dir) => {
        await rewritten(dir, [waves(other).slice(0, 2), waves(other).slice(2)]);
        rmSync(join(dir, 'log'), { recursive: true });
        cpSync(directory.log_dir, join(dir, 'log'), { recursive: true });
      },
      async () => {
        expect(await fsck()).toEqual({ code: 1, findings: ['commit_mismatch'] });
      },
    );
  });
});

describe('the saved checkpoint', () => {
  it('tells of a store whose tail was removed, with the event log that had committed it', async () => {
    await instead(
      async (dir) => {
        const copy = await copied(directory, dir);
        rmSync(copy.log_dir, { recursive: true });
        await intrude(copy, async ({ run }) => {
          for (const table of ['entries', 'manifests', 'heads']) await run(`ALTER TABLE ${table} DELETE WHERE offset >= 3`);
          await run('ALTER TABLE rounds DELETE WHERE `index` >= 2');
          await run('ALTER TABLE commits DELETE WHERE `from` >= 3');
          await run('ALTER TABLE checkpoints DELETE WHERE size > 2');
        });
      },
      async () => {
        // Nothing is left that says otherwise.
        expect(await fsck()).toEqual(CLEAN);
        expect(await fsck('--checkpoint', SAVED)).toEqual({ code: 1, findings: ['saved_checkpoint_ahead'] });
      },
    );
  });
});
