import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProducerKey, ledgerKey, loadProducerKey, openDataDirectory, producerNames, sealingKey, writeDurably } from '../src/index.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'data-directory-'));
});
afterEach(() => rm(parent, { recursive: true }));

let counter = 0;
const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++counter);
const create = { random };

describe('openDataDirectory', () => {
  it('makes a directory once and finds the same deployment again', async () => {
    const dir = join(parent, 'new', 'one');
    const made = await openDataDirectory({ dir, create });
    const found = await openDataDirectory({ dir, create });
    expect(found.deployment).toEqual(made.deployment);
    expect(made.deployment.audience).toMatch(/^embedded\.[0-9a-f]{16}$/);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  it('takes the id and the partition count that an operator chose', async () => {
    const chosen = { random, audience: 'acme.production', partitions: 12 };
    const { deployment } = await openDataDirectory({ dir: join(parent, 'chosen'), create: chosen });
    expect(deployment).toMatchObject({ audience: 'acme.production', partitions: 12 });
  });

  it.each([
    ['name_invalid', async () => openDataDirectory({ dir: join(parent, 'a'), create: { random, audience: 'a b' } })],
    ['name_invalid', async () => openDataDirectory({ dir: join(parent, 'a'), create: { random, partitions: 0 } })],
    ['directory_missing', async () => openDataDirectory({ dir: join(parent, 'none') })],
    ['directory_foreign', async () => (await writeFile(join(parent, 'x'), ''), openDataDirectory({ dir: parent, create }))],
    [
      'directory_foreign',
      async () => (await writeFile(join(parent, 'file'), ''), openDataDirectory({ dir: join(parent, 'file'), create })),
    ],
    ['directory_foreign', async () => (await writeFile(join(parent, 'deployment.json'), '{'), openDataDirectory({ dir: parent }))],
    [
      'directory_foreign',
      async () => (await writeFile(join(parent, 'deployment.json'), '{"version":1}'), openDataDirectory({ dir: parent })),
    ],
    [
      'directory_version',
      async () => (await writeFile(join(parent, 'deployment.json'), '{"version":2}'), openDataDirectory({ dir: parent })),
    ],
  ])('refuses with %s', async (code, act) => {
    await expect(act()).rejects.toMatchObject({ code });
  });

  it('goes on where a making was cut short, and nowhere else', async () => {
    await mkdir(join(parent, 'keys', 'producers'), { recursive: true });
    await writeFile(join(parent, 'deployment.json.new'), '');
    await writeFile(join(parent, 'keys', 'mine.txt'), '');
    await expect(openDataDirectory({ dir: parent, create })).rejects.toMatchObject({ code: 'directory_foreign' });
    await rm(join(parent, 'keys', 'mine.txt'));
    const made = await openDataDirectory({ dir: parent, create });
    expect(await openDataDirectory({ dir: parent })).toEqual(made);
  });
});

it('writes a file whole, or leaves what was there and says so', async () => {
  const file = join(parent, 'note.txt');
  await writeDurably(file, 'one', 0o600);
  await mkdir(`${file}.new`);
  await expect(writeDurably(file, 'two', 0o600)).rejects.toMatchObject({
    code: 'directory_unwritable',
    message: expect.stringMatching(/note\.txt \(EISDIR\)/),
  });
  expect(await readFile(file, 'utf8')).toBe('one');
});

describe('keys', () => {
  it('are kept in files that only the owner reads, and load again as they were', async () => {
    const directory = await openDataDirectory({ dir: join(parent, 'd'), create });
    const made = await createProducerKey(directory, 'api', random);
    const loaded = await loadProducerKey(directory, 'api');
    expect(loaded.public_key).toEqual(made.public_key);
    expect(loaded.sign(new Uint8Array(3))).toEqual(made.sign(new Uint8Array(3)));
    expect(await producerNames(directory)).toEqual(['api']);
    expect((await ledgerKey(directory, random)).public_key).toEqual((await ledgerKey(directory, random)).public_key);
    expect(await sealingKey(directory)).toEqual(await sealingKey(directory));
    for (const file of ['producers/api.jwk.json', 'ledger.jwk.json', 'sealing.jwk.json']) {
      expect((await stat(join(directory.keys_dir, file))).mode & 0o777, file).toBe(0o600);
    }
  });

  it('names what is wrong without quoting the key', async () => {
    const directory = await openDataDirectory({ dir: join(parent, 'd'), create });
    await createProducerKey(directory, 'api', random);
    await expect(createProducerKey(directory, 'api', random)).rejects.toMatchObject({ code: 'key_exists' });
    await expect(loadProducerKey(directory, 'other')).rejects.toMatchObject({ code: 'key_missing' });
    await expect(loadProducerKey(directory, '../ledger')).rejects.toMatchObject({ code: 'name_invalid' });
    const file = join(directory.keys_dir, 'producers', 'api.jwk.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.slice(0, -3));
    const failed = await loadProducerKey(directory, 'api').catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({ code: 'key_malformed' });
    expect(String((failed as Error).cause ?? '') + (failed as Error).message).not.toContain((JSON.parse(text) as { d: string }).d);
  });
});
