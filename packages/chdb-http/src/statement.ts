/**
 * Statements as the HTTP interface gets them: text, then data for an INSERT. The embedded engine corrupts binary data that
 * stands inside a statement and has no input(), so data is read from a file instead.
 */
import { type Token, tokensOf } from './lexer.ts';

export interface Statement {
  readonly sql: string;
  readonly is_insert: boolean;
  /** SELECT: what may be sent while it is still computed. */
  readonly is_select: boolean;
  /** The format that it names. */
  readonly format: string | null;
  /** Where the data of an INSERT begins; null when it takes none. */
  readonly data_at: number | null;
}

const isWord = (token: Token | undefined, word: string): boolean => token?.kind === 'word' && token.text.toUpperCase() === word;

/** Looks at a statement that may be followed by data. `FORMAT` ends the head of an INSERT. */
export function statementOf(sql: string): Statement {
  let first: Token | undefined;
  let before: Token | undefined;
  let format: string | null = null;
  for (const token of tokensOf(sql)) {
    first ??= token;
    if (token.depth === 0 && isWord(before, 'FORMAT') && token.kind === 'word') {
      format = token.text;
      if (isWord(first, 'INSERT')) return { sql, is_insert: true, is_select: false, format, data_at: dataStart(sql, token.end) };
    }
    if (token.depth === 0 && isWord(first, 'INSERT') && isWord(token, 'VALUES') && !isWord(before, 'FORMAT')) {
      return { sql, is_insert: true, is_select: false, format: 'Values', data_at: dataStart(sql, token.end) };
    }
    before = token;
  }
  const is_select = ['SELECT', 'WITH', 'FROM'].some((word) => isWord(first, word)) || first?.text === '(';
  return { sql, is_insert: isWord(first, 'INSERT'), is_select, format, data_at: null };
}

/** Data begins after the first line break behind the format, or after the spaces. */
function dataStart(sql: string, at: number): number {
  return at + (/^[ \t\f]*(?:\r?\n)?/.exec(sql.slice(at, at + 1_000))?.[0].length ?? 0);
}

export const quoted = (text: string): string => `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;

/** The INSERT, reading its data from the file. Its head ends with its format, or with VALUES. */
export function insertFromFile(head: string, format: string, path: string): string {
  const tokens = [...tokensOf(head)];
  const formatAt = tokens.findLastIndex((token) => token.depth === 0 && (isWord(token, 'FORMAT') || isWord(token, 'VALUES')));
  const formatStart = (tokens[formatAt] as Token).start;
  const inputAt = tokens.findIndex((token, i) => isWord(token, 'INPUT') && tokens[i + 1]?.text === '(');
  if (inputAt >= 0) {
    const open = tokens[inputAt + 1] as Token;
    const start = (tokens[inputAt] as Token).start;
    return `${head.slice(0, start)}file(${quoted(path)}, '${format}', ${head.slice(open.end, formatStart)}`;
  }
  const settingsAt = tokens.findIndex((token) => token.depth === 0 && isWord(token, 'SETTINGS'));
  const place = settingsAt < 0 ? formatStart : (tokens[settingsAt] as Token).start;
  return `${head.slice(0, place)} FROM INFILE ${quoted(path)} COMPRESSION 'none' ${head.slice(place, formatStart)} FORMAT ${format}`;
}
