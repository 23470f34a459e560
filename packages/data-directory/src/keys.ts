import { access, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { keyThumbprint } from '@sealtrail/wire';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type DataDirectory, writeDurably } from './directory.ts';
import { DataDirectoryError } from './errors.ts';

/** An Ed25519 key pair that signs. The private half never leaves this object but through `sign`. */
export interface SigningKey {
  readonly name: string;
  /** RFC 7638 thumbprint, 32 bytes. */
  readonly key_id: Uint8Array;
  readonly public_key: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

const SET_UP = 'run `sealtrail setup` on the directory, or restore it from a backup';
const NAME = /^[A-Za-z0-9._:@-]{1,128}$/;

const producerFile = (directory: DataDirectory, name: string): string => {
  if (!NAME.test(name)) {
    throw new DataDirectoryError('name_invalid', `"${name}" cannot name a producer: 1 to 128 of A–Z a–z 0–9 . _ : @ -`);
  }
  return join(directory.keys_dir, 'producers', `${name}.jwk.json`);
};

/** Makes a producer's key. Throws DataDirectoryError `key_exists`, `name_invalid`. */
export async function createProducerKey(
  directory: DataDirectory,
  name: string,
  random: (bytes: number) => Uint8Array,
): Promise<SigningKey> {
  const file = producerFile(directory, name);
  if (await exists(file))
    throw new DataDirectoryError('key_exists', `producer ${name} has a key already in ${file}; revoke it first or choose another name`);
  return writeSigningKey(file, name, random);
}

/**
 * Puts a producer's key aside, so that it can be given another; the file stays beside it under a name that says so. Throws
 * DataDirectoryError `key_missing`, `key_malformed`, `name_invalid`.
 */
export async function retireProducerKey(directory: DataDirectory, name: string): Promise<void> {
  const { key_id } = await loadProducerKey(directory, name);
  const file = producerFile(directory, name);
  await rename(file, `${file}.retired-${Buffer.from(key_id).toString('hex').slice(0, 16)}`);
}

/** Throws DataDirectoryError `key_missing`, `key_malformed`, `name_invalid`. */
export async function loadProducerKey(directory: DataDirectory, name: string): Promise<SigningKey> {
  return readSigningKey(producerFile(directory, name), name, `make it with \`sealtrail keys add ${name} --tenants …\``);
}

/** The key of a producer of the deployment's own: made where it is missing. Throws DataDirectoryError. */
export async function producerKey(directory: DataDirectory, name: string, random: (bytes: number) => Uint8Array): Promise<SigningKey> {
  const names = await producerNames(directory);
  return names.includes(name) ? loadProducerKey(directory, name) : createProducerKey(directory, name, random);
}

/** Names of the producers that have a key file here, sorted. */
export async function producerNames(directory: DataDirectory): Promise<readonly string[]> {
  const files = await readdir(join(directory.keys_dir, 'producers'));
  return files
    .filter((file) => file.endsWith('.jwk.json'))
    .map((file) => file.slice(0, -'.jwk.json'.length))
    .sort();
}

/** The key that signs checkpoints; made when it is missing. */
export async function ledgerKey(directory: DataDirectory, random: (bytes: number) => Uint8Array): Promise<SigningKey> {
  const file = join(directory.keys_dir, 'ledger.jwk.json');
  return (await exists(file)) ? readSigningKey(file, 'ledger', 'restore it from a backup') : writeSigningKey(file, 'ledger', random);
}

/** The X25519 key that rejected records are sealed to; made when it is missing. */
export async function sealingKey(directory: DataDirectory): Promise<JWK> {
  const file = join(directory.keys_dir, 'sealing.jwk.json');
  if (await exists(file)) return readJwk(file, 'restore it from a backup');
  const pair = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
  const jwk = await exportJWK(pair.privateKey);
  await writeDurably(file, `${JSON.stringify(jwk)}\n`, 0o600);
  return jwk;
}

/** The key that signs checkpoints, of a directory that was set up. Throws DataDirectoryError `key_missing`, `key_malformed`. */
export const loadLedgerKey = (directory: DataDirectory): Promise<SigningKey> =>
  readSigningKey(join(directory.keys_dir, 'ledger.jwk.json'), 'ledger', SET_UP);

/** The key that rejected records are sealed to, of a directory that was set up. Throws as `loadLedgerKey` does. */
export const loadSealingKey = (directory: DataDirectory): Promise<JWK> => readJwk(join(directory.keys_dir, 'sealing.jwk.json'), SET_UP);

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function writeSigningKey(file: string, name: string, random: (bytes: number) => Uint8Array): Promise<SigningKey> {
  const seed = random(32);
  const key = signingKey(name, seed);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const jwk = { kty: 'OKP', crv: 'Ed25519', kid: text(key.key_id), x: text(key.public_key), d: text(seed) };
  await writeDurably(file, `${JSON.stringify(jwk)}\n`, 0o600);
  return key;
}

async function readSigningKey(file: string, name: string, advice: string): Promise<SigningKey> {
  const jwk = await readJwk(file, advice);
  const seed = Buffer.from(jwk.d ?? '', 'base64url');
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || seed.length !== 32) {
    throw new DataDirectoryError('key_malformed', `${file} is not an Ed25519 key; ${advice}`);
  }
  return signingKey(name, seed);
}

function signingKey(name: string, seed: Uint8Array): SigningKey {
  const publicKey = ed25519PublicKey(seed);
  return { name, key_id: keyThumbprint(sha256(), publicKey), public_key: publicKey, sign: ed25519Signer(seed) };
}

async function readJwk(file: string, advice: string): Promise<JWK> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DataDirectoryError('key_missing', `cannot read the key ${file} (${(error as NodeJS.ErrnoException).code}); ${advice}`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text) as JWK;
  } catch {
    // The cause would quote the file, which is a key.
    throw new DataDirectoryError('key_malformed', `${file} is not JSON; ${advice}`);
  }
}
