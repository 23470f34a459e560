import type { FieldSlot } from './event-fields.ts';
import { fragmentFinder } from './fragments.ts';

type Place = 'whole' | 'start' | 'end' | 'anywhere';

/** Below, each value is held against each; above, in time linear in what both hold. */
const PAIRS_MAX = 4_096;

/** Whether a value of one field equals, begins with, ends with or contains a value of another. Absent and null ones never do. */
export function compareFields(slot: FieldSlot, other: FieldSlot, place: Place, cased: boolean): boolean {
  if (slot.count === 0 || other.count === 0) return false;
  if (slot.count * other.count > PAIRS_MAX) return compareMany(textsOf(slot, cased), textsOf(other, cased), place);
  for (let i = 0; i < slot.count; i++) {
    const text = cased ? slot.textAt(i) : slot.foldAt(i);
    if (text === null) continue;
    for (let j = 0; j < other.count; j++) {
      const part = cased ? other.textAt(j) : other.foldAt(j);
      if (part !== null && holds(text, part, place)) return true;
    }
  }
  return false;
}

function textsOf(slot: FieldSlot, cased: boolean): readonly string[] {
  const texts: string[] = [];
  for (let i = 0; i < slot.count; i++) {
    const text = cased ? slot.textAt(i) : slot.foldAt(i);
    if (text !== null) texts.push(text);
  }
  return texts;
}

function holds(text: string, part: string, place: Place): boolean {
  if (place === 'whole') return text === part;
  if (place === 'start') return text.startsWith(part);
  return place === 'end' ? text.endsWith(part) : text.includes(part);
}

function compareMany(texts: readonly string[], parts: readonly string[], place: Place): boolean {
  const known = new Set(parts);
  if (known.has('')) return texts.length > 0 && (place !== 'whole' || texts.includes(''));
  if (place === 'whole') return texts.some((text) => known.has(text));
  if (place === 'anywhere') {
    const { find } = bound(parts);
    return texts.some((text) => find(text));
  }
  const lengths = [...new Set(parts.map(({ length }) => length))];
  return texts.some((text) =>
    lengths.some(
      (length) => length <= text.length && known.has(place === 'start' ? text.slice(0, length) : text.slice(text.length - length)),
    ),
  );
}

function bound(parts: readonly string[]): { readonly find: (text: string) => boolean } {
  const finder = fragmentFinder(parts);
  return {
    find: (text) => {
      let found = false;
      finder.find(text, () => (found = true));
      return found;
    },
  };
}
