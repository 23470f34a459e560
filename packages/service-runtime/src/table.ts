import { displayWidth, type Glyph, glyphs, printable } from './display-width.ts';

/** How a column stands: numbers to the right, all else to the left. */
export type Align = 'left' | 'right';

/** A table for people. */
export interface TableInput {
  readonly header: readonly string[];
  /** Cells by row; a row that is too short is filled with empty cells. */
  readonly rows: readonly (readonly string[])[];
  /** By column; left where nothing is said. */
  readonly align?: readonly Align[];
  /** Columns by number that are never squeezed: what is copied from them, such as an id, is of use only in one piece. */
  readonly whole?: readonly number[];
  /** Terminal cells a line may take. */
  readonly width: number;
}

const GAP = '  ';
const ELLIPSIS = '…';
/** Not `trimEnd`, which takes away spaces of other kinds that belong to the cell. */
const SPACES_AT_END = / +$/;

/** No column is squeezed below this many cells; a table of too many columns is then wider than asked. */
const COLUMN_WIDTH_MIN = 4;

/** A cell that needs more lines than this ends with `…`. */
const CELL_LINES_MAX = 8;

/**
 * Lays out rows in columns. The widest columns give way until a line fits `width`; their cells are wrapped at spaces, or
 * within a word that is longer than the column, and end with `…` after 8 lines. Characters that could drive the terminal
 * are written as escapes, so data cannot forge output. No line ends with a space, and the text not with a line break.
 */
export function formatTable(input: TableInput): string {
  const columns = input.header.length;
  const cells = [input.header, ...input.rows].map((row) => Array.from({ length: columns }, (_, i) => printable(row[i] ?? '')));
  const natural = Array.from({ length: columns }, (_, i) => cells.reduce((widest, row) => Math.max(widest, displayWidth(row[i] ?? '')), 0));
  const widths = fit(natural, input.width - GAP.length * (columns - 1), new Set(input.whole));
  const lines: string[] = [];
  for (const [at, row] of cells.entries()) {
    lines.push(...rowLines(row, widths, input.align ?? []));
    if (at === 0) lines.push(widths.map((width) => '─'.repeat(width)).join(GAP));
  }
  return lines.join('\n');
}

/** Lowers the widest columns to one common width, so that all fit into `room`; those that are whole stay as wide as they are. */
function fit(natural: readonly number[], room: number, whole: ReadonlySet<number>): number[] {
  const capped = (cap: number): number[] => natural.map((width, i) => (whole.has(i) ? width : Math.min(width, cap)));
  const sum = (cap: number): number => capped(cap).reduce((total, width) => total + width, 0);
  let cap = Math.max(COLUMN_WIDTH_MIN, ...natural);
  while (cap > COLUMN_WIDTH_MIN && sum(cap) > room) cap -= 1;
  // What the common width leaves over goes to the first columns that want it.
  let spare = room - sum(cap);
  return capped(cap).map((width, i) => {
    if (spare <= 0 || width === natural[i]) return width;
    spare -= 1;
    return width + 1;
  });
}

function rowLines(row: readonly string[], widths: readonly number[], align: readonly Align[]): string[] {
  const wrapped = row.map((cell, i) => wrap(cell, widths[i] ?? 0));
  const height = Math.max(1, ...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    wrapped
      .map((lines, i) => pad(lines[line] ?? '', widths[i] ?? 0, align[i] ?? 'left'))
      .join(GAP)
      .replace(SPACES_AT_END, ''),
  );
}

function pad(text: string, width: number, align: Align): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? space + text : text + space;
}

function wrap(cell: string, width: number): string[] {
  if (displayWidth(cell) <= width) return [cell];
  const lines: string[] = [];
  let rest: Glyph[] = glyphs(cell);
  while (rest.length > 0) {
    const taken = lineLength(rest, width);
    if (lines.length === CELL_LINES_MAX - 1 && taken < rest.length) {
      lines.push(join(rest.slice(0, fitting(rest, width - 1))).replace(SPACES_AT_END, '') + ELLIPSIS);
      break;
    }
    lines.push(join(rest.slice(0, taken)).replace(SPACES_AT_END, ''));
    rest = rest.slice(taken);
    while (rest[0]?.text === ' ') rest = rest.slice(1);
  }
  return lines;
}

/** How many glyphs go on one line: up to the last space that fits, or as many as fit. */
function lineLength(line: readonly Glyph[], width: number): number {
  const most = fitting(line, width);
  if (most === line.length || line[most]?.text === ' ') return most;
  for (let at = most; at > 0; at -= 1) if (line[at]?.text === ' ') return at;
  return Math.max(1, most);
}

function fitting(line: readonly Glyph[], width: number): number {
  let used = 0;
  for (const [at, glyph] of line.entries()) {
    used += glyph.width;
    if (used > width) return at;
  }
  return line.length;
}

function join(line: readonly Glyph[]): string {
  return line.map((glyph) => glyph.text).join('');
}
