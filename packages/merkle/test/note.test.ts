import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBase64,
  encodeBase64,
  formatCheckpoint,
  formatTlogProof,
  formatVerifierKey,
  noteVerifierKey,
  noteVerifies,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  parseVerifierKey,
  signNote,
} from '../src/index.ts';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 as nodeSha256 } from '../src/node.ts';

const sha256 = nodeSha256();
const verify = ed25519Verify();
const vectors = JSON.parse(readFileSync(new URL('vectors/sumdb.json', import.meta.url), 'utf8')) as Record<
  'seed' | 'name' | 'verifier_key' | 'note' | 'text',
  string
> & {
  roots: string[];
};
const seed = Buffer.from(vectors.seed, 'hex');
const key = noteVerifierKey(sha256, vectors.name, ed25519PublicKey(seed));

describe('signed notes', () => {
  it('are those of golang.org/x/mod/sumdb/note, byte for byte', () => {
    expect(formatVerifierKey(key)).toBe(vectors.verifier_key);
    expect(parseVerifierKey(sha256, vectors.verifier_key)).toEqual(key);
    expect(signNote(vectors.text, key, ed25519Signer(seed))).toBe(vectors.note);
    const parsed = parseNote(vectors.note);
    expect(parsed?.text).toBe(vectors.text);
    expect(parsed !== null && noteVerifies(verify, parsed, key)).toBe(true);
  });

  it('no longer verify when any bit of them is flipped', () => {
    const bytes = Buffer.from(vectors.note);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const text = flipped.toString('utf8');
      // A reader of bytes refuses what is not UTF-8 before it gets here.
      if (!Buffer.from(text).equals(flipped)) continue;
      const parsed = parseNote(text);
      expect(parsed !== null && noteVerifies(verify, parsed, key), `bit ${bit}`).toBe(false);
    }
  });

  it.each([
    ['no blank line', 'a\n— n AAAAAAA=\n'],
    ['no final newline', vectors.note.slice(0, -1)],
    ['a line that is no signature', `${vectors.note}x\n`],
    ['a carriage return', vectors.note.replaceAll('\n', '\r\n')],
    ['a hyphen for the dash', vectors.note.replace('—', '-')],
    ['a blank line at the end', `${vectors.note}\n`],
  ])('are refused with %s', (_, note) => {
    const parsed = parseNote(note);
    expect(parsed !== null && noteVerifies(verify, parsed, key)).toBe(false);
  });

  it.each(['', 'a+b', 'a b', 'a\tb'])('cannot be by a key named "%s"', (name) => {
    expect(() => noteVerifierKey(sha256, name, key.public_key)).toThrow(RangeError);
  });

  it('refuses verifier keys in another encoding', () => {
    const text = vectors.verifier_key;
    for (const other of [`${text}=`, text.slice(0, -1), text.toUpperCase(), ` ${text}`, `${text}\n`, text.replace(/\+([0-9a-f])/, '+0')]) {
      if (other !== text) expect(parseVerifierKey(sha256, other)).toBe(null);
    }
  });
});

describe('checkpoints', () => {
  const text = vectors.text;
  it('parse to what formats back', () => {
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: vectors.name, size: 70 });
    expect(Buffer.from(checkpoint?.root as Uint8Array).toString('hex')).toBe(vectors.roots[69]);
    expect(checkpoint && formatCheckpoint(checkpoint)).toBe(text);
  });
  it.each([
    ['a leading zero', text.replace('\n70\n', '\n070\n')],
    ['a sign', text.replace('\n70\n', '\n+70\n')],
    ['a size beyond 2^53', text.replace('\n70\n', '\n9007199254740993\n')],
    ['an extension line', `${text}more\n`],
    ['no root', 'origin\n1\n'],
    ['a short root', 'origin\n1\nAAAA\n'],
    ['loose trailing bits', text.replace(/=\n$/, '=\n').replace(/.=\n$/, '9=\n')],
    ['no origin', text.slice(text.indexOf('\n'))],
  ])('are refused with %s', (_, other) => {
    expect(parseCheckpoint(other)).toBe(null);
  });
});

describe('tlog-proof@v1', () => {
  it('parses to what formats back, and nothing else parses', () => {
    fc.assert(
      fc.property(
        fc.option(fc.uint8Array({ maxLength: 50 })),
        fc.nat(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 5 }),
        fc.nat(),
        (extra, index, path, at) => {
          const text = formatTlogProof({ extra, index, path, checkpoint: vectors.note });
          const parsed = parseTlogProof(text);
          expect(parsed).not.toBe(null);
          expect(parsed && formatTlogProof(parsed)).toBe(text);
          expect(parsed?.checkpoint).toBe(vectors.note);
          const head = text.indexOf('\n\n');
          const changed = parseTlogProof(`${text.slice(0, at % head)}${text.slice((at % head) + 1)}`);
          if (changed !== null) expect(formatTlogProof(changed)).not.toBe(text);
        },
      ),
    );
  });
});

describe('base64', () => {
  it('is that of Buffer, and decodes only its one encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.string({ maxLength: 12 }), (bytes, noise) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(text)).toEqual(bytes);
        for (const other of [noise, text.replace(/=+$/, ''), `${text} `, text.replaceAll('+', '-')]) {
          const decoded = decodeBase64(other);
          if (decoded !== null) expect(encodeBase64(decoded)).toBe(other);
        }
      }),
    );
    expect(decodeBase64('AB==')).toBe(null);
    expect(decodeBase64('AAB=')).toBe(null);
    expect(decodeBase64('A===')).toBe(null);
  });
});
