import { chmod, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DataDirectoryError } from './errors.ts';

const DEPLOYMENT_FILE = 'deployment.json';
const AUDIENCE = /^[A-Za-z0-9._:/@-]{1,128}$/;
const PARTITIONS_MAX = 4_096;

/** What a deployment is called and how its log is laid out. Written once, when the directory is made. */
export interface Deployment {
  readonly version: 1;
  /** The deployment's id: what batches must name as their audience. */
  readonly audience: string;
  readonly topic: string;
  readonly registry_topic: string;
  readonly rejected_topic: string;
  readonly incarnation: number;
  readonly partitions: number;
}

const deploymentSchema: z.ZodType<Deployment> = z.object({
  version: z.literal(1),
  audience: z.string().regex(AUDIENCE),
  topic: z.string().min(1),
  registry_topic: z.string().min(1),
  rejected_topic: z.string().min(1),
  incarnation: z.number().int().min(1),
  partitions: z.number().int().min(1),
});

export interface DataDirectory {
  /** Absolute path. */
  readonly path: string;
  readonly deployment: Deployment;
  /** Where the event log lies. */
  readonly log_dir: string;
  /** Where the engine's data lies. */
  readonly store_dir: string;
  readonly keys_dir: string;
}

export interface CreateOptions {
  readonly random: (bytes: number) => Uint8Array;
  /** Of the topic of events; for ever, since a tenant's partition is a function of it. Default 1. */
  readonly partitions?: number;
  /** The deployment's id; random when absent. */
  readonly audience?: string;
}

/**
 * Opens a data directory. With `create`, one that is missing or empty is made; the deployment's id (audience) is random.
 * Throws DataDirectoryError `directory_missing`, `directory_foreign`, `directory_version`, `directory_unwritable`.
 */
export async function openDataDirectory(options: { readonly dir: string; readonly create?: CreateOptions }): Promise<DataDirectory> {
  const path = resolve(options.dir);
  const deployment = (await readDeployment(path)) ?? (options.create ? await createDirectory(path, options.create) : null);
  if (deployment === null) {
    throw new DataDirectoryError(
      'directory_missing',
      `no data directory at ${path}; give the one that \`sealtrail up\` or \`import\` made`,
    );
  }
  return { path, deployment, log_dir: join(path, 'log'), store_dir: join(path, 'store'), keys_dir: join(path, 'keys') };
}

async function readDeployment(path: string): Promise<Deployment | null> {
  const file = join(path, DEPLOYMENT_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return null;
    if (code === 'ENOTDIR')
      throw new DataDirectoryError('directory_foreign', `${path} is not a directory; give another --data`, { cause: error });
    throw new DataDirectoryError('directory_unwritable', `cannot read ${file} (${code}); check its owner and mode`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataDirectoryError('directory_foreign', `${file} is not JSON; restore it from a backup`, { cause: error });
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== 1) {
    throw new DataDirectoryError('directory_version', `${file} has version ${version}, this build reads 1; use the build that wrote it`);
  }
  const parsed = deploymentSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new DataDirectoryError(
      'directory_foreign',
      `${file}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}; restore it from a backup`,
    );
  }
  return parsed.data;
}

async function createDirectory(path: string, options: CreateOptions): Promise<Deployment> {
  const { audience = `embedded.${Buffer.from(options.random(8)).toString('hex')}`, partitions = 1 } = options;
  if (!AUDIENCE.test(audience)) {
    throw new DataDirectoryError('name_invalid', 'the audience is not 1 to 128 of A–Z a–z 0–9 . _ : / @ -; give another');
  }
  if (!(Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= PARTITIONS_MAX)) {
    throw new DataDirectoryError('name_invalid', `${partitions} partitions: give a whole number from 1 to ${PARTITIONS_MAX}`);
  }
  const deployment: Deployment = {
    version: 1,
    audience,
    topic: 'audit.events',
    registry_topic: 'audit.registry',
    rejected_topic: 'audit.rejected',
    incarnation: 1,
    partitions,
  };
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (!(await isUnmade(path))) {
      throw new DataDirectoryError(
        'directory_foreign',
        `${path} is not empty and holds no ${DEPLOYMENT_FILE}; give an empty or a new directory`,
      );
    }
    await chmod(path, 0o700);
    await mkdir(join(path, 'keys', 'producers'), { recursive: true, mode: 0o700 });
    await writeDurably(join(path, DEPLOYMENT_FILE), `${JSON.stringify(deployment, null, 2)}\n`, 0o600);
  } catch (error) {
    if (error instanceof DataDirectoryError) throw error;
    throw new DataDirectoryError(
      'directory_unwritable',
      `cannot make ${path} (${(error as NodeJS.ErrnoException).code}); check the parent's mode and free space`,
      {
        cause: error,
      },
    );
  }
  return deployment;
}

/** Empty, or left by a making that a full disk or a crash cut short: `createDirectory` writes its file last. */
async function isUnmade(path: string): Promise<boolean> {
  const present = await readdir(path);
  if (!present.every((name) => name === 'keys' || name === `${DEPLOYMENT_FILE}.new`)) return false;
  return !present.includes('keys') || (await readdir(join(path, 'keys'), { recursive: true })).every((name) => name === 'producers');
}

/**
 * Writes a file so that after a crash it is there whole or not at all. Throws DataDirectoryError `directory_unwritable`;
 * then what stood there before stands there still.
 */
export async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.new`;
  try {
    const handle = await open(draft, 'w', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    throw new DataDirectoryError(
      'directory_unwritable',
      `cannot write ${file} (${(error as NodeJS.ErrnoException).code}); make room on its disk, or check owner and mode of its folder`,
      { cause: error },
    );
  }
}
