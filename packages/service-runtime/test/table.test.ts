import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, printable } from '../src/display-width.ts';
import { formatTable } from '../src/index.ts';

describe('formatTable', () => {
  it('aligns columns and trims line ends', () => {
    const text = formatTable({
      header: ['action', 'count'],
      rows: [
        ['iam.CreateUser', '7'],
        ['s3.Get', '1204'],
      ],
      align: ['left', 'right'],
      width: 80,
    });
    expect(text).toBe(['action          count', '──────────────  ─────', 'iam.CreateUser      7', 's3.Get           1204'].join('\n'));
  });

  it('wraps the widest column at spaces and keeps every word', () => {
    const why = 'the signature was made by another key than the registry names';
    const text = formatTable({ header: ['axis', 'why'], rows: [['signature', why]], width: 40 });
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(40);
    const told = text
      .split('\n')
      .slice(2)
      .map((line) => line.slice(11))
      .join(' ');
    expect(told).toBe(why);
  });

  it('ends a cell of too many lines with an ellipsis', () => {
    const lines = formatTable({ header: ['v'], rows: [['x'.repeat(1000)]], width: 20 }).split('\n');
    expect(lines).toHaveLength(2 + 8);
    expect(lines.at(-1)).toBe(`${'x'.repeat(19)}…`);
  });

  it('writes what could drive the terminal as escapes', () => {
    const text = formatTable({
      header: ['id'],
      rows: [['\u001b[2J\r\nroot\u0007'], ['\u009b31m'], ['abc\u202egnp.exe'], ['\ud800'], ['\u{e0041}']],
      width: 80,
    });
    expect(text.split('\n').slice(2)).toEqual(['\\x1b[2J\\r\\nroot\\x07', '\\x9b31m', 'abc\\u202egnp.exe', '\\ud800', '\\u{e0041}']);
  });

  it.each([
    ['plain', 5],
    ['日本', 4],
    ['e\u0301', 1],
    ['한글', 4],
    ['ｆｕｌｌ', 8],
    ['🙂', 2],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['é', 1],
    ['→', 1],
    ['', 0],
  ])('counts %s as %i cells', (text, width) => {
    expect(displayWidth(printable(text))).toBe(width);
  });

  it('pads by cells, not by code units', () => {
    const lines = formatTable({
      header: ['a', 'b'],
      rows: [
        ['日本', 'x'],
        ['e\u0301', 'y'],
      ],
      width: 80,
    }).split('\n');
    expect(lines[2]).toBe('日本  x');
    expect(lines[3]).toBe('e\u0301     y');
  });

  it('shows a table without rows, and fills rows that are too short', () => {
    expect(formatTable({ header: ['a', 'b'], rows: [], width: 80 })).toBe('a  b\n─  ─');
    expect(formatTable({ header: ['a', 'b'], rows: [['x']], width: 80 })).toBe('a  b\n─  ─\nx');
  });

  it('fits any cells into any width that gives each column its minimum, and lets nothing unsafe through', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 3, maxLength: 3 }), { maxLength: 5 }),
        fc.integer({ min: 16, max: 120 }),
        (rows, width) => {
          const text = formatTable({ header: ['one', 'two', 'three'], rows, width });
          for (const line of text.split('\n')) {
            expect(displayWidth(line)).toBeLessThanOrEqual(width);
            expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
          }
        },
      ),
    );
  });

  it('keeps a column that is whole in one piece, and squeezes the others', () => {
    const id = '6f4a2877e38638f51f7c4b8235e9048a';
    const text = formatTable({
      header: ['rule', 'id', 'why'],
      rows: [['a rule of many words', id, 'w '.repeat(40)]],
      whole: [1],
      width: 60,
    });
    expect(text.split('\n')[2]).toContain(`  ${id}  `);
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(60);
    // Where it alone is wider than what there is, the table is.
    expect(formatTable({ header: ['id'], rows: [[id]], whole: [0], width: 20 })).toContain(id);
  });

  it('loses no glyph of a cell that takes fewer than eight lines', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 16, max: 60 }), (cell, width) => {
        const lines = formatTable({ header: ['h'], rows: [[cell]], width })
          .split('\n')
          .slice(2);
        fc.pre(lines.length < 8);
        expect(lines.join('').replace(/ /g, '')).toBe(printable(cell).replace(/ /g, ''));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(['\u00a0', '\u3000', '\u2003'])('keeps a space of another kind at the end of a cell', (space) => {
    expect(formatTable({ header: ['h'], rows: [[`a${space}`]], width: 20 })).toBe(
      `h\n──\na${space}`.replace('──', '─'.repeat(displayWidth(`a${space}`))),
    );
  });
});
