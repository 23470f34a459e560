import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { UsageError } from './exit.ts';

/** Reads a file that was named on the command line. */
export async function readInput(path: string, what: string): Promise<string> {
  return (await readInputBytes(path, what)).toString('utf8');
}

export async function readInputBytes(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`cannot read the ${what} ${path} (${(error as NodeJS.ErrnoException).code}); give a file that exists`);
  }
}

/** A verifier key as it stands on the command line, or the first line of the file that it names. */
export async function readKey(keyOrFile: string): Promise<string> {
  // A verifier key is NAME+HASH+KEY; a file's name rarely has two plus signs and eight hex digits between them.
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/.test(keyOrFile)) return keyOrFile;
  const line = (await readInput(keyOrFile, 'key file')).trim();
  if (line === '' || line.includes('\n'))
    throw new UsageError(`${keyOrFile} does not hold one verifier key; write one with \`sealtrail keys export\``);
  return line;
}

/** Writes a file that was named on the command line: whole, or what stood there before stands there still. */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    if (await isPlainOrNone(path)) await replaceFile(path, text);
    else await writeFile(path, text);
  } catch (error) {
    throw Object.assign(new Error(`cannot write ${path} (${(error as NodeJS.ErrnoException).code}); check the folder and free space`), {
      code: 'output_failed',
    });
  }
}

/** Pipes and devices are written to as they are. */
async function isPlainOrNone(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return found === null || found.isFile();
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
