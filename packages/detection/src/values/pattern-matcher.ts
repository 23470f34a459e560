import { mapLiterals, type Pattern } from '../sigma/pattern.ts';
import { foldCase } from './fold.ts';

/** Between two `*`: literals and single characters, of a known shape. */
interface Segment {
  /** null stands for any one character. */
  readonly pieces: readonly (string | null)[];
  /** The whole, when there is no `?`. */
  readonly literal: string | null;
}

/** The pattern without case, for texts without case. */
export const foldPattern = (pattern: Pattern): Pattern => mapLiterals(pattern, foldCase);

/**
 * Whether a whole text fits a pattern; a `?` is one code point. Time is linear in the text for a given pattern: after each
 * `*` the leftmost fit is taken and never given back.
 */
export function patternMatcher(pattern: Pattern): (text: string) => boolean {
  const segments = segmentsOf(pattern);
  const [first, ...later] = segments as [Segment, ...Segment[]];
  const last = later.pop();
  if (last === undefined) return wholeMatcher(first);
  const simple = literalEnds(first, later, last);
  if (simple !== null) return simple;
  return (text) => {
    let at = fitAt(first, text, 0);
    if (at < 0) return false;
    for (const segment of later) {
      at = findFrom(segment, text, at);
      if (at < 0) return false;
    }
    return endsWith(last, text, at);
  };
}

function segmentsOf(pattern: Pattern): readonly Segment[] {
  const split: (string | null)[][] = [[]];
  for (const part of pattern) {
    if ('literal' in part) split.at(-1)?.push(part.literal);
    else if (part.wildcard === '?') split.at(-1)?.push(null);
    else split.push([]);
  }
  // Several `*` in a row are one.
  const kept = split.filter((pieces, i) => i === 0 || i === split.length - 1 || pieces.length > 0);
  return kept.map((pieces) => ({ pieces, literal: pieces.includes(null) ? null : pieces.join('') }));
}

function wholeMatcher(segment: Segment): (text: string) => boolean {
  const { literal } = segment;
  return literal === null ? (text) => fitAt(segment, text, 0) === text.length : (text) => text === literal;
}

/** The forms that most rules have: contains, startswith, endswith. */
function literalEnds(first: Segment, later: readonly Segment[], last: Segment): ((text: string) => boolean) | null {
  const [start, end] = [first.literal, last.literal];
  if (start === null || end === null) return null;
  if (later.length === 0) {
    if (end === '') return (text) => text.startsWith(start);
    return start === ''
      ? (text) => text.endsWith(end)
      : (text) => text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
  }
  const middle = later.length === 1 ? (later[0] as Segment).literal : null;
  return middle !== null && start === '' && end === '' ? (text) => text.includes(middle) : null;
}

/** Where the segment ends when it begins at a place; -1 where it does not fit. */
function fitAt({ pieces }: Segment, text: string, from: number): number {
  let at = from;
  for (const piece of pieces) {
    if (piece === null) {
      if (at >= text.length) return -1;
      at += widthAt(text, at);
    } else if (text.startsWith(piece, at)) at += piece.length;
    else return -1;
  }
  return at;
}

/** Where the leftmost fit at or behind a place ends; -1 where there is none. */
function findFrom(segment: Segment, text: string, from: number): number {
  if (segment.literal !== null) {
    const found = text.indexOf(segment.literal, from);
    return found < 0 ? -1 : found + segment.literal.length;
  }
  for (let at = from; at < text.length; at += widthAt(text, at)) {
    const end = fitAt(segment, text, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Whether the segment fits at the very end, not before a place. */
function endsWith(segment: Segment, text: string, from: number): boolean {
  if (segment.literal !== null) return text.length - from >= segment.literal.length && text.endsWith(segment.literal);
  let at = text.length;
  for (const piece of segment.pieces.toReversed()) {
    if (piece === null) {
      if (at <= from) return false;
      at -= widthBefore(text, at);
    } else {
      at -= piece.length;
      if (at < from || !text.startsWith(piece, at)) return false;
    }
  }
  return at >= from;
}

/** Code units of the code point at a place: two for a surrogate pair. */
const widthAt = (text: string, at: number): number => ((text.codePointAt(at) as number) > 0xffff ? 2 : 1);
const widthBefore = (text: string, at: number): number => (at >= 2 && (text.codePointAt(at - 2) as number) > 0xffff ? 2 : 1);
