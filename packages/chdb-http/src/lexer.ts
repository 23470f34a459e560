/** SQL as tokens: as far as the head of a statement must be understood, and no further. */

export interface Token {
  readonly kind: 'word' | 'string' | 'name' | 'other';
  /** As it stands, quotes included. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Brackets that are open around it. */
  readonly depth: number;
}

const PATTERN =
  /(?<space>\s+|--[^\n]*|#(?=[ !])[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:[^'\\]|\\[\s\S]|'')*')|(?<name>`(?:[^`\\]|\\[\s\S])*`|"(?:[^"\\]|\\[\s\S])*")|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<other>[\s\S])/y;

/** One token after the other, without spaces and comments. Lazy: what follows a statement's FORMAT is data. */
export function* tokensOf(sql: string): Generator<Token> {
  let at = 0;
  let depth = 0;
  while (at < sql.length) {
    PATTERN.lastIndex = at;
    const found = PATTERN.exec(sql);
    if (found === null) return;
    const [text] = found;
    const start = at;
    at += text.length;
    const { space, string, name, word } = found.groups as Record<string, string | undefined>;
    if (space !== undefined) continue;
    if (text === ')') depth--;
    const kind = string !== undefined ? 'string' : name !== undefined ? 'name' : word !== undefined ? 'word' : 'other';
    yield { kind, text, start, end: at, depth };
    if (text === '(') depth++;
  }
}
