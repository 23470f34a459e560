const LITERAL_CHARACTERS_MIN = 3;
/** Escapes that stand for themselves alone and match no fixed letter. */
const CLASS_ESCAPES = 'dDwWsSbBAztnrfva';

/**
 * The longest literal that every match of a pattern holds, without case; null where none is certain. Reads only what it
 * surely understands of RE2's syntax: literals at the top, outside of groups, of a pattern without alternatives there.
 */
export function requiredLiteral(source: string): string | null {
  const characters = [...source];
  let best = '';
  let run: string[] = [];
  const flush = (): void => {
    const text = run.join('');
    if (text.length > best.length) best = text;
    run = [];
  };
  for (let at = 0; at < characters.length; at++) {
    const c = characters[at] as string;
    if (c === '|') return null;
    if (c === '(' || c === '[') {
      flush();
      const end = c === '(' ? endOfGroup(characters, at) : endOfClass(characters, at);
      // `(?i)` and its like change what follows; case is no matter here, other flags are not known.
      if (end === null || (c === '(' && characters[at + 1] === '?' && characters[at + 2] !== ':')) return null;
      at = end;
    } else if (c === '*' || c === '?' || c === '{') {
      run.pop();
      flush();
      if (c === '{') {
        const end = characters.indexOf('}', at);
        if (end < 0) return null;
        at = end;
      }
    } else if (c === '+' || c === '.' || c === '^' || c === '$') flush();
    else if (c === '\\') {
      const next = characters[++at];
      if (next === undefined) return null;
      if (CLASS_ESCAPES.includes(next)) flush();
      else if (/[\p{L}\p{N}]/u.test(next)) return null;
      else run.push(next);
    } else run.push(c);
  }
  flush();
  return best.length < LITERAL_CHARACTERS_MIN ? null : best;
}

function endOfGroup(characters: readonly string[], from: number): number | null {
  let depth = 0;
  for (let at = from; at < characters.length; at++) {
    const c = characters[at];
    if (c === '\\') {
      if (characters[at + 1] === 'Q') return null;
      at++;
    } else if (c === '[') {
      const end = endOfClass(characters, at);
      if (end === null) return null;
      at = end;
    } else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return at;
  }
  return null;
}

function endOfClass(characters: readonly string[], from: number): number | null {
  let at = from + 1;
  if (characters[at] === '^') at++;
  if (characters[at] === ']') at++;
  for (; at < characters.length; at++) {
    const c = characters[at];
    if (c === '\\') at++;
    else if (c === '[' && characters[at + 1] === ':') {
      const end = characters.indexOf(']', at);
      if (end < 0) return null;
      at = end;
    } else if (c === ']') return at;
  }
  return null;
}
