import { ItemFault } from './item-fault.ts';
import { joinPatterns, literalPattern, type Pattern, parsePattern } from './pattern.ts';

/** The values of a placeholder by its name without the percent signs. Values are Sigma texts: wildcards and escapes count. */
export type Placeholders = ReadonlyMap<string, readonly string[]>;

/** One value may become this many, by placeholders and dashes. */
export const EXPANSIONS_MAX = 4_096;

/** Every way to put two lists of alternatives one behind the other. Throws ItemFault beyond EXPANSIONS_MAX. */
export function product<Part>(alternatives: readonly (readonly Part[])[]): readonly (readonly Part[])[] {
  let rows: readonly (readonly Part[])[] = [[]];
  for (const choices of alternatives) {
    if (rows.length * choices.length > EXPANSIONS_MAX)
      throw new ItemFault('limit_exceeded', `one value becomes more than ${EXPANSIONS_MAX}`);
    rows = rows.flatMap((row) => choices.map((choice) => [...row, choice]));
  }
  return rows;
}

/**
 * Replaces `%name%` by the values of the placeholder; `\%` is a plain percent sign. Sigma 2.1, "Placeholders".
 * Without `placeholders` (a rule is only being read) each stands for one value that says its name.
 */
export function expandText(text: string, placeholders: Placeholders | null, quote: (value: string) => string): readonly string[] {
  const alternatives = piecesOf(text).map((piece) => ('text' in piece ? [piece.text] : valuesOf(piece.name, placeholders).map(quote)));
  return product(alternatives).map((row) => row.join(''));
}

/** The same for a text with wildcards. */
export function expandPattern(pattern: Pattern, placeholders: Placeholders | null): readonly Pattern[] {
  const alternatives: (readonly Pattern[])[] = [];
  for (const part of pattern) {
    if ('wildcard' in part) alternatives.push([[part]]);
    else alternatives.push(...literalAlternatives(part.literal, placeholders));
  }
  return product(alternatives).map(joinPatterns);
}

function literalAlternatives(text: string, placeholders: Placeholders | null): readonly (readonly Pattern[])[] {
  const alternatives: (readonly Pattern[])[] = [];
  for (const piece of piecesOf(text))
    alternatives.push('text' in piece ? [literalPattern(piece.text)] : valuesOf(piece.name, placeholders).map(parsePattern));
  return alternatives;
}

type Piece = { readonly text: string } | { readonly name: string };

/** `\%plain%name%` holds the text `%plain` and the placeholder `name`. */
function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('\\%', at)) {
      plain += '%';
      at += 2;
      continue;
    }
    const name = text[at] === '%' ? /^%(\w+)%/.exec(text.slice(at, at + NAME_MAX))?.[1] : undefined;
    if (name === undefined) {
      plain += text[at];
      at++;
      continue;
    }
    pieces.push({ text: plain }, { name });
    plain = '';
    at += name.length + 2;
  }
  return [...pieces, { text: plain }];
}
const NAME_MAX = 256;

function valuesOf(name: string, placeholders: Placeholders | null): readonly string[] {
  if (placeholders === null) return [name];
  const values = placeholders.get(name);
  if (values === undefined || values.length === 0)
    throw new ItemFault('placeholder_missing', `the placeholder %${name}% has no values: give it some`);
  return values;
}
