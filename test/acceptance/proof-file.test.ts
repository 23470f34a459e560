import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { verifyProof } from '@sealtrail/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';

const folder = temporaryFolder('proof');
const data = join(folder, 'data');
const proof = join(folder, 'entry-7.proof');
const vkey = join(folder, 'deployment.vkey');

/** A few records as AWS writes them. */
const records = Array.from({ length: 20 }, (_, n) => ({
  eventVersion: '1.08',
  userIdentity: { type: 'IAMUser', arn: `arn:aws:iam::111122223333:user/user-${n % 3}`, userName: `user-${n % 3}` },
  eventTime: new Date(Date.UTC(2026, 0, 1, 12, 0, n)).toISOString().replace('.000', ''),
  eventSource: 's3.amazonaws.com',
  eventName: 'GetObject',
  awsRegion: 'eu-central-1',
  sourceIPAddress: '198.51.100.7',
  userAgent: 'aws-cli/2',
  eventID: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
}));

interface Verified {
  readonly ok: boolean;
  readonly axes: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  const file = join(folder, 'trail.jsonl');
  writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'));
  const steps = [
    ['import', '--format', 'cloudtrail', file, '--tenant', 'acme', '--data', data],
    ['prove', '--tenant', 'acme', '--entry', '7', '--data', data, '--out', proof],
    ['keys', 'export', '--data', data, '--out', vkey],
  ];
  for (const step of steps) {
    const ended = await sealtrail(...step);
    expect(ended.code, ended.stderr).toBe(0);
  }
});
afterAll(() => remove(folder));

describe('a proof file', () => {
  it('verifies by axis, with the key or with a file that holds it', async () => {
    for (const key of [vkey, readFileSync(vkey, 'utf8').trim()]) {
      const ended = await sealtrail('verify', proof, '--key', key, '--json');
      expect(ended.code, ended.stderr).toBe(0);
      expect(ended.json<Verified>()).toMatchObject({
        ok: true,
        axes: { producer_signature: 'verified', inclusion: 'verified', checkpoint: 'verified', witness: 'not_checked' },
      });
    }
  });

  it('holds for no other deployment: another key gives exit code 1', async () => {
    const other = join(folder, 'other');
    expect((await sealtrail('keys', 'add', 'x', '--tenants', 'x', '--data', other)).code).toBe(0);
    const key = (await sealtrail('keys', 'export', '--data', other)).stdout.trim();
    const ended = await sealtrail('verify', proof, '--key', key, '--json');
    expect(ended.code).toBe(1);
    expect(ended.json<Verified>().ok).toBe(false);
  });

  it('has no byte that verification does not bind: each of the 8 flips of each byte is found', () => {
    const key = parseVerifierKey(sha256(), readFileSync(vkey, 'utf8').trim());
    if (key === null) throw new Error('the exported key does not parse');
    const options = { keys: [key], sha256: sha256(), ed25519Verify: ed25519Verify() };
    const bytes = new Uint8Array(readFileSync(proof));
    expect(verifyProof(bytes, options).ok).toBe(true);
    const holds: string[] = [];
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        if (verifyProof(bytes, options).ok) holds.push(`byte ${at}, bit ${bit}`);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      }
    }
    expect(holds).toEqual([]);
    for (let length = 0; length < bytes.length; length++) expect(verifyProof(bytes.subarray(0, length), options).ok).toBe(false);
    expect(verifyProof(Uint8Array.from([...bytes, 10]), options).ok).toBe(false);
  });

  it('that was altered gives exit code 1 on the command line, whether or not it still parses', async () => {
    const bytes = readFileSync(proof);
    for (const at of [0, 40, Math.floor(bytes.length / 2), bytes.length - 2]) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      const file = join(folder, `altered-${at}.proof`);
      writeFileSync(file, altered);
      const ended = await sealtrail('verify', file, '--key', vkey, '--json');
      expect(ended.code, `byte ${at}: ${ended.stderr}`).toBe(1);
      expect(ended.json<Verified>().ok).toBe(false);
    }
  });
});
