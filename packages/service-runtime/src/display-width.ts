/**
 * How text looks on a terminal: what must not reach it, and how many cells the rest takes.
 * Widths follow Unicode's East Asian Width in its usual reading: wide and full-width 2, marks that combine 0, the rest 1.
 */

// Control characters drive the terminal; bidirectional ones reorder what stands around them; separators break lines;
// a lone surrogate is not text. \p{Cf} would also take the joiner inside emoji and the soft hyphen, so it is spelled out.
const UNSAFE =
  /[\p{Cc}\p{Cs}\u061C\u180E\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\u{E0000}-\u{E007F}]/gu;

const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\p{Regional_Indicator}{2}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{20000}-\u{3FFFD}])/u;

const ONLY_MARKS = /^(?:\p{Mn}|\p{Me}|\p{Join_Control})+$/u;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** `text` with every character that could drive, reorder or break the terminal's output written as an escape. */
export function printable(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(UNSAFE, (character) => {
    const short = SHORT_ESCAPES.get(character);
    if (short !== undefined) return short;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** One user-perceived character and the cells it takes. */
export interface Glyph {
  readonly text: string;
  readonly width: number;
}

/** The glyphs of a text that `printable` has been through. */
export function glyphs(text: string): Glyph[] {
  if (PRINTABLE_ASCII.test(text)) return [...text].map((character) => ({ text: character, width: 1 }));
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return [...segmenter.segment(text)].map(({ segment }) => ({ text: segment, width: glyphWidth(segment) }));
}

/** Terminal cells that a text takes, once `printable` has been through it. */
export function displayWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  return glyphs(text).reduce((sum, glyph) => sum + glyph.width, 0);
}

function glyphWidth(glyph: string): number {
  if (ONLY_MARKS.test(glyph)) return 0;
  return WIDE.test(glyph) ? 2 : 1;
}
