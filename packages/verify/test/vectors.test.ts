import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { parseTlogProof, parseVerifierKey } from '@sealtrail/merkle';
import * as node from '@sealtrail/merkle/node';
import * as portable from '@sealtrail/merkle/portable';
import { entryProofCodec } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { formatProof, parseProof, type VerifyOptions, verifyProof } from '../src/index.ts';

const spec = new URL('../../../docs/spec/', import.meta.url);
const vector = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`vectors/proof/${name}`, spec)));
const page = readFileSync(new URL('proof.md', spec), 'utf8');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What torchwood and a second reading of docs/spec/proof.md in Go found (vectors/generate). */
const torchwood = JSON.parse(readFileSync(new URL('./vectors/torchwood.json', import.meta.url), 'utf8')) as {
  accepted: { file: string; sha256: string; tenant: string; entry: number; offset: number; leaf: string }[];
  formatted: { index: number; extra: string; path: string[] | null; note: string; proof: string }[];
};

function optionsFrom(adapters: Pick<typeof node, 'sha256' | 'ed25519Verify'>): VerifyOptions {
  const key = parseVerifierKey(adapters.sha256(), new TextDecoder().decode(vector('verifier-key.txt')).trim());
  if (key === null) throw new Error('no verifier key');
  return { keys: [key], sha256: adapters.sha256(), ed25519Verify: adapters.ed25519Verify() };
}

describe('the example proofs of docs/spec', () => {
  it.each(torchwood.accepted)('$file is what was verified in Go, and verifies here to the same place', ({ file, sha256, ...found }) => {
    const bytes = vector(file);
    expect(createHash('sha256').update(bytes).digest('hex'), 'run vectors/generate again').toBe(sha256);
    const verdict = verifyProof(bytes, optionsFrom(node));
    expect(verdict.ok).toBe(true);
    const { tenant, entry, offset, leaf_hash: leaf } = verdict.place ?? {};
    expect({ tenant, entry, offset, leaf }).toEqual(found);
    const parsed = parseProof(bytes);
    expect(parsed.kind === 'proof' && formatProof(parsed)).toBe(new TextDecoder().decode(bytes));
  });

  it('are all named by the page', () => {
    for (const name of readdirSync(new URL('vectors/proof/', spec))) if (name !== 'checkpoint.txt') expect(page).toContain(name);
  });
});

describe('torchwood’s proofs', () => {
  it.each(torchwood.formatted)('are read here: index $index', ({ index, extra, path, note, proof }) => {
    const parsed = parseTlogProof(proof);
    expect({ ...parsed, extra: hex(parsed?.extra ?? new Uint8Array(0)), path: parsed?.path.map(hex) }).toEqual({
      index,
      extra,
      path: path ?? [],
      checkpoint: note,
    });
  });
});

describe('outside of Node', () => {
  it('gives the same verdicts with the portable hash and signature, bit by bit', () => {
    const bytes = vector('entry-erased.txt');
    const [fast, slow] = [optionsFrom(node), optionsFrom(portable)];
    expect(verifyProof(bytes, slow)).toEqual(verifyProof(bytes, fast));
    for (let at = 0; at < bytes.length; at += 7) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      expect(verifyProof(flipped, slow).ok, `byte ${at}`).toBe(false);
    }
  });

  it('needs nothing of Node: no import, and no global that a browser lacks', () => {
    const folders = ['../src/', '../../wire/src/', '../../wire/src/avro/', '../../merkle/src/'].map(
      (folder) => new URL(folder, import.meta.url),
    );
    for (const folder of folders) {
      for (const file of readdirSync(folder)) {
        if (!file.endsWith('.ts') || file === 'node.ts') continue;
        expect(readFileSync(new URL(file, folder), 'utf8'), file).not.toMatch(/from '(node:|avsc)/);
      }
    }
    const hidden = ['Buffer', 'process', 'setImmediate', 'global'] as const;
    const kept = hidden.map((name) => Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor);
    const bytes = vector('entry.txt');
    const options = optionsFrom(portable);
    let ok: boolean;
    try {
      for (const name of hidden) Reflect.deleteProperty(globalThis, name);
      ok = verifyProof(bytes, options).ok;
    } finally {
      hidden.forEach((name, i) => Object.defineProperty(globalThis, name, kept[i] as PropertyDescriptor));
    }
    expect(ok).toBe(true);
  });
});

/** The members of a union of string literals, as the source has them. */
const union = (file: string, name: string): string[] => {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
  const body = new RegExp(`export type ${name} =([^;]*);`).exec(source)?.[1] ?? '';
  return [...body.matchAll(/'([a-z_]+)'/g)].map((match) => match[1] as string);
};
const section = (title: string): string => new RegExp(`\n## ${title}\n(.*?)(\n## |$)`, 's').exec(page)?.[1] ?? '';
const codesAfter = (words: string): string[] => {
  const text = new RegExp(`${words}: ([^.]*)\\.`, 's').exec(section('Codes'))?.[1] ?? '';
  return [...text.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] as string);
};

describe('docs/spec/proof.md', () => {
  it('lists the refusals, the faults and the axes that the code has', () => {
    expect(codesAfter('A refusal').sort()).toEqual(union('proof-file.ts', 'ProofRefusal').sort());
    expect(codesAfter('A failed axis').sort()).toEqual(
      [...union('verdict.ts', 'AxisFault'), ...union('checkpoint.ts', 'CheckpointFault')].sort(),
    );
    const axes = [...section('What each axis says').matchAll(/^\| ([a-z_]+) \|/gm)]
      .map((match) => match[1])
      .filter((name) => name !== 'axis');
    expect(axes).toEqual(union('verdict.ts', 'Axis'));
  });

  it('lists the fields of the record in order', () => {
    const rows = [...section('The file').matchAll(/^\| ([a-z_, ]+) \|/gm)]
      .map((match) => match[1] as string)
      .filter((name) => name !== 'field');
    expect(rows.flatMap((row) => row.split(', '))).toEqual(entryProofCodec().fields.map(({ name }) => name));
  });
});
