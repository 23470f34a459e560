/** Code points whose capital form is shared with letters that they do not equal, or not shared with letters that they do. */
const EXCEPTIONS: ReadonlyMap<number, number> = new Map([
  [0x131, 0x131], // dotless i is not i
  [0x1fd3, 0x390],
  [0x1fe3, 0x3b0],
  [0xfb05, 0xfb06],
]);

/**
 * Two texts are equal without case where their folds are equal: Unicode simple case folding (CaseFolding.txt, C and S), one
 * code point for one. `ſ` is `s`, `ς` is `σ`, `ẞ` is `ß`, and `ß` is not `ss`. The fold is a member of each class, not always
 * the one that Unicode names. Lone surrogates stay as they are.
 */
export function foldCase(text: string): string {
  let hasCapitals = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= ASCII_END) return foldAll(text);
    if (unit >= CAPITAL_A && unit <= CAPITAL_Z) hasCapitals = true;
  }
  return hasCapitals ? text.toLowerCase() : text;
}

const [ASCII_END, CAPITAL_A, CAPITAL_Z] = [0x80, 0x41, 0x5a];

function foldAll(text: string): string {
  let folded = '';
  for (const c of text) folded += foldCharacter(c);
  return folded;
}

function foldCharacter(c: string): string {
  const code = c.codePointAt(0) as number;
  if (code < 0x80) return c.toLowerCase();
  const exception = EXCEPTIONS.get(code);
  if (exception !== undefined) return String.fromCodePoint(exception);
  const capital = single(c.toUpperCase()) ?? c;
  return single(capital.toLowerCase()) ?? capital;
}

/** A mapping to several code points is none of simple case folding. */
function single(text: string): string | null {
  const code = text.codePointAt(0) as number;
  return text.length === (code > 0xffff ? 2 : 1) ? text : null;
}
