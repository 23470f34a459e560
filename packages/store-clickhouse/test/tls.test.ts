/** Over TLS: with the authority that is given and no other, and with passwords of any letters. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChdbHttp, serveClickHouse } from '@sealtrail/chdb-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClickHouseStoreOptions, openClickHouseStore } from '../src/index.ts';

const PASSWORD = 'pässwörd € 密码: with colon';
const textOf = (name: string): Promise<string> => readFile(fileURLToPath(new URL(`tls/${name}`, import.meta.url)), 'utf8');

let dir: string;
let front: ChdbHttp;
let cert: string;
let key: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sealtrail-tls-'));
  // Valid for a hundred years; it signs itself, and stands for the client's too.
  [cert, key] = await Promise.all([textOf('server.cert.pem'), textOf('server.key.pem')]);
  front = await serveClickHouse({ dir, tls: { cert, key, client_ca: cert }, users: [{ username: 'ledger', password: PASSWORD }] });
});
afterAll(async () => {
  await front.close();
  await rm(dir, { recursive: true, force: true });
});

const open = async (tls: ClickHouseStoreOptions['tls'], more: Partial<ClickHouseStoreOptions> = {}): Promise<string> => {
  const options = { url: front.url, username: 'ledger', password: PASSWORD, unreachable_wait_ms: 0, ...more };
  const store = await openClickHouseStore(tls === undefined ? options : { ...options, tls });
  const { rows } = await store.select('SELECT 1 AS n');
  await store.close();
  return `answered ${rows[0]?.['n']}`;
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a server with a certificate', () => {
  it('is spoken to when its authority is given, and the client shows its own', async () => {
    expect(await open({ ca_cert: bytes(cert), cert: bytes(cert), key: bytes(key) })).toBe('answered 1');
  });

  it('is not trusted without, nor does it take a client that shows none: one line says so', async () => {
    await expect(open(undefined)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/: no trusted connection \([A-Z_]*SELF_SIGNED[A-Z_]*\): check the certificates/),
    });
    await expect(open({ ca_cert: bytes(cert) })).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('is not spoken to in the clear', async () => {
    await expect(open(undefined, { url: front.url.replace('https', 'http') })).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(open({ ca_cert: bytes(cert) }, { url: front.url.replace('https', 'http') })).rejects.toThrow(
      'begins with http://: give https://',
    );
    await expect(open({ ca_cert: bytes(cert), cert: bytes(cert) })).rejects.toThrow('give both the certificate and the key');
  });
});
