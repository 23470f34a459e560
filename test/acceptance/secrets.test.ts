import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { createInvoicesApi } from '@sealtrail/examples/invoices-api';
import { startLocalIssuer } from '@sealtrail/examples/local-issuer';
import { openProducerKey } from '@sealtrail/examples/producer-key';
import { createTokenVerifier } from '@sealtrail/identity';
import { afterAll, describe, expect, it } from 'vitest';
import { PLANTED_SECRETS } from '../../packages/emitter/test/fixtures/planted-secrets.ts';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { stop, up } from './deployment.ts';

interface Count {
  readonly rows: readonly { readonly n: number; readonly masked: number }[];
}

describe('no token, no secret', () => {
  const folder = temporaryFolder('secrets');
  afterAll(() => remove(folder));

  it(`is readable in any file of a deployment or in any line that it prints: ${PLANTED_SECRETS.length} secrets and 3 tokens`, async () => {
    const data = join(folder, 'data');
    const running = await up(data);
    const { tokens, logged } = await emitSecrets(data);

    let seen: Count['rows'][number] | undefined;
    for (let wait = 0; wait < 60 && Number(seen?.n ?? 0) < logged; wait++) {
      await sleep(500);
      const asked = await sealtrail('sql', 'SELECT count() AS n, sum(redactions) AS masked FROM audit_events', '--data', data, '--json');
      expect(asked.code, asked.stderr).toBe(0);
      [seen] = asked.json<Count & Record<string, unknown>>().rows;
    }
    expect(Number(seen?.n)).toBe(logged);
    expect(Number(seen?.masked)).toBeGreaterThanOrEqual(PLANTED_SECRETS.length * 3);

    const wanted = [
      ...PLANTED_SECRETS.map(({ name, secret }) => ({ name, bytes: Buffer.from(secret) })),
      // Of a token its payload and its signature, each on its own.
      ...tokens.flatMap((token, i) => token.split('.').map((part, n) => ({ name: `token ${i}, part ${n}`, bytes: Buffer.from(part) }))),
    ].filter(({ name }) => !name.endsWith('part 0'));
    const look = (): readonly string[] => filesWith(data, wanted);
    expect(look()).toEqual([]);
    const ended = await stop(running);
    expect(ended.code, ended.stderr).toBe(0);
    expect(look()).toEqual([]);
    const said = Buffer.from(ended.stdout + ended.stderr);
    expect(wanted.filter(({ bytes }) => said.includes(bytes)).map(({ name }) => name)).toEqual([]);
    // The search finds what is there.
    expect(filesWith(data, [{ name: 'the audience', bytes: Buffer.from('embedded.') }]).length).toBeGreaterThan(0);
  }, 180_000);
});

/** Files under the folder that hold one of these, with its name. */
function filesWith(folder: string, wanted: readonly { readonly name: string; readonly bytes: Buffer }[]): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      return wanted.filter((one) => bytes.includes(one.bytes)).map((one) => `${entry.name}: ${one.name}`);
    });
}

/** Logs every secret wherever text goes, in requests that carry tokens: good, expired and forged. */
async function emitSecrets(data: string): Promise<{ readonly tokens: readonly string[]; readonly logged: number }> {
  const directory = await openDataDirectory({ dir: data });
  const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms: Date.now, random: randomBytes });
  const key = await openProducerKey({ directory, log, name: 'leaky', tenants: ['*'], random: randomBytes });
  const producer = await log.producer();
  const { audience, topic } = directory.deployment;
  const { public_key: publicKey, sign } = key;
  const emitter = createEmitter({ log: producer, topic, audience, producer: 'leaky', publicKey, sign, tenant: 'platform' });
  const issuer = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID });
  const impostor = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID, issuer: issuer.issuer });
  const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms: Date.now });
  const app = createInvoicesApi({ emitter, identity, newId: randomUUID });
  const claims = { sub: 'alice', tenant: 'acme', roles: ['admin'], sid: 'session-1' };
  const tokens = [await issuer.token(claims), await issuer.token({ ...claims, expires_in_s: -100 }), await impostor.token(claims)];
  for (const token of tokens) {
    await app.request('/invoices', { headers: { authorization: `Bearer ${token}`, 'user-agent': `agent ${token}` } });
    await app.request(`/invoices/${token}`, { headers: { authorization: `Bearer ${tokens[0]}` } });
  }
  for (const { text, name } of PLANTED_SECRETS) {
    const details = { reason: text, resource_id: text, attributes: { note: text, [name]: text }, related: [{ type: 'note', id: text }] };
    void emitter.audit.log('note.write', details, { tenant: 'acme', user_agent: text, http_route: '/notes' });
    await emitter.audit.log('note.write', { ...details, delivery: 'CRITICAL' }, { tenant: 'acme' });
  }
  const closed = await emitter.close();
  if (closed.kind !== 'closed') throw new Error(`not everything was emitted: ${JSON.stringify(closed)}`);
  const { routine, critical } = emitter.stats();
  await Promise.all([issuer.close(), impostor.close()]);
  await producer.close();
  await log.close();
  return { tokens, logged: routine.sent_events + critical.sent_events };
}
