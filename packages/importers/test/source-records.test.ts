import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { RECORD_BYTES_MAX, readFileBytes, readSourceRecords, type SourceRecord } from '../src/index.ts';
import { chunksOf, jsonLines, numbered, record } from './records.ts';

async function read(text: string | Uint8Array, chunk = 65_536): Promise<readonly SourceRecord[]> {
  const records: SourceRecord[] = [];
  for await (const found of readSourceRecords(chunksOf(text, chunk))) records.push(found);
  return records;
}

const values = (records: readonly SourceRecord[]): readonly unknown[] =>
  records.map((found) => (found.kind === 'value' ? found.value : found.reason));
const lines = (records: readonly SourceRecord[]): readonly number[] => records.map(({ line }) => line);

describe('readSourceRecords', () => {
  const three = numbered(3);

  it.each([
    ['JSON lines', jsonLines(three)],
    ['no line break at the end', jsonLines(three).trimEnd()],
    ['CRLF', jsonLines(three).replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${jsonLines(three)}`],
    ['a document', JSON.stringify({ Records: three })],
    ['a document on many lines', JSON.stringify({ Records: three }, null, 2)],
    ['a document with a byte order mark', `\ufeff${JSON.stringify({ Records: three })}`],
    ['documents one behind the other', three.map((one) => JSON.stringify({ Records: [one] })).join('')],
    ['documents a line', jsonLines(three.map((one) => ({ Records: [one] })))],
    [
      'documents that begin with something else',
      jsonLines([
        { about: 'x', Records: three.slice(0, 2) },
        { Records: three.slice(2), more: [1] },
      ]),
    ],
    ['a document with more behind its list', JSON.stringify({ Records: three, more: [{ a: '"Records":' }], n: 1 })],
    ['an array', JSON.stringify(three, null, 1)],
    ['blanks first', `\n \n${JSON.stringify({ Records: three })}`],
  ])('reads %s', async (_, text) => {
    for (const chunk of [1, 7, 65_536]) expect(values(await read(text, chunk))).toEqual(three);
  });

  it('has nothing to say of an empty source', async () => {
    for (const text of ['', '\n\n', ' \r\n', '\ufeff', '{"Records":[]}', '[]']) expect(await read(text), JSON.stringify(text)).toEqual([]);
  });

  it('numbers lines, empty ones too, and goes on behind a bad one', async () => {
    const records = await read('\n{"a":1}\nnot json\n\n{"a":\n{"a":2}\n');
    expect(values(records)).toEqual([{ a: 1 }, 'it is not JSON', 'it is not JSON', { a: 2 }]);
    expect(lines(records)).toEqual([2, 3, 5, 6]);
  });

  it('numbers the records of a document, and goes on behind a bad one', async () => {
    const records = await read('{"Records":[{"a":1},{"a":nope},17,"x, ]",{"b":"}]\\""},]}');
    expect(values(records)).toEqual([{ a: 1 }, 'it is not JSON', 17, 'x, ]', { b: '}]"' }]);
    expect(lines(records)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each(['{"Records":[{"a":1},{"b":', '{"Records":[{"a":1},', '[{"a":1},{"b":"'])('tells that %s is cut off', async (text) => {
    expect(values(await read(text))).toEqual([{ a: 1 }, 'the document ends before its list does']);
  });

  it('does not quote what it cannot read', async () => {
    expect(JSON.stringify(await read('{"password":hunter2}\n'))).not.toContain('hunter2');
  });

  it('refuses bytes that are no UTF-8', async () => {
    const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}\n{"a":1}\n')]);
    expect(values(await read(text))).toEqual(['it is not UTF-8', { a: 1 }]);
  });

  it.each(['lines', 'document'])('passes over a record that is too long, in %s', async (shape) => {
    const huge = { a: 'x'.repeat(RECORD_BYTES_MAX) };
    const text = shape === 'lines' ? jsonLines([{ a: 1 }, huge, { a: 2 }]) : JSON.stringify({ Records: [{ a: 1 }, huge, { a: 2 }] });
    expect(values(await read(text))).toEqual([{ a: 1 }, `it is longer than ${RECORD_BYTES_MAX} bytes`, { a: 2 }]);
  });

  it('takes a record of exactly the limit', async () => {
    const overhead = JSON.stringify({ a: '' }).length;
    const exact = { a: 'x'.repeat(RECORD_BYTES_MAX - overhead) };
    expect(values(await read(jsonLines([exact]), 4_096))).toEqual([exact]);
  });

  it('gives the same records in lines, documents and arrays, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 })), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(undefined, 2),
        async (found, chunk, indent) => {
          // A line that holds Records is a document; a field may be called so too.
          const plain = found.filter((one) => !Array.isArray(one['Records'])).map((one) => JSON.parse(JSON.stringify(one)));
          expect(values(await read(JSON.stringify({ Records: plain }, null, indent), chunk))).toEqual(plain);
          expect(values(await read(JSON.stringify(plain, null, indent), chunk))).toEqual(plain);
          expect(values(await read(jsonLines(plain), chunk))).toEqual(plain);
        },
      ),
    );
  });

  it('ends on any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('', '{"Records":[', '[', '{"Records":[{}'),
        fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\n', ' ', 'a', '1', '"Records":[')),
        async (head, rest) => {
          const text = head + rest.join('');
          expect(await read(text, 3)).toEqual(await read(text));
        },
      ),
    );
  });
});

describe('readFileBytes', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });
  async function file(name: string, bytes: Uint8Array | string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'importers-'));
    folders.push(folder);
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  }
  async function textOf(path: string): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of readFileBytes(path)) parts.push(part);
    return Buffer.concat(parts).toString();
  }

  const text = jsonLines([record()]);
  it.each([
    ['plain.jsonl', text],
    ['packed.jsonl.gz', gzipSync(text)],
    ['packed-without-a-name', gzipSync(text)],
    ['two-members.gz', Buffer.concat([gzipSync(text.slice(0, 9)), gzipSync(text.slice(9))])],
  ])('reads %s', async (name, bytes) => {
    expect(await textOf(await file(name, bytes))).toBe(text);
  });

  it('reads an empty file', async () => {
    expect(await textOf(await file('x.jsonl.gz', ''))).toBe('');
  });

  it('tells a missing file and a folder', async () => {
    await expect(textOf('/nowhere/x.gz')).rejects.toMatchObject({ code: 'input_missing' });
    await expect(textOf(tmpdir())).rejects.toMatchObject({ code: 'input_missing', message: expect.stringContaining('is a folder') });
    await expect(textOf('/dev/null')).rejects.toMatchObject({ code: 'input_missing', message: expect.stringContaining('a pipe') });
  });

  it('tells what only claims to be gzip', async () => {
    await expect(textOf(await file('x.gz', text))).rejects.toMatchObject({
      code: 'input_malformed',
      message: expect.stringContaining('is not gzip'),
    });
  });

  it('tells gzip that is cut off, and gzip that is damaged', async () => {
    const packed = gzipSync(jsonLines(numbered(200)));
    await expect(textOf(await file('cut.gz', packed.subarray(0, packed.length - 20)))).rejects.toMatchObject({
      code: 'input_malformed',
      message: expect.stringContaining('is cut off'),
    });
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 30, 60);
    await expect(textOf(await file('bad.gz', damaged))).rejects.toMatchObject({
      code: 'input_malformed',
      message: expect.stringContaining('is damaged'),
    });
  });

  it('lets go of a file that is not read to its end', async () => {
    const path = await file('x.gz', gzipSync(jsonLines(numbered(20_000))));
    for await (const _ of readFileBytes(path)) break;
    await rm(path);
  });
});
