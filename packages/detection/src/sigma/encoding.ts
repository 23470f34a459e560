const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** How a text becomes bytes before Base64. `utf16` is little-endian behind a byte order mark. */
export type TextEncoding = 'utf8' | 'utf16le' | 'utf16be' | 'utf16';

/** The bytes of a text; null where the text is not well-formed Unicode, which has no UTF-8. */
export function encodeText(text: string, encoding: TextEncoding): Uint8Array | null {
  if (encoding === 'utf8') return text.isWellFormed() ? new TextEncoder().encode(text) : null;
  const mark = encoding === 'utf16' ? 2 : 0;
  const bytes = new Uint8Array(mark + text.length * 2);
  if (mark > 0) bytes.set([0xff, 0xfe]);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const [first, second] = encoding === 'utf16be' ? [unit >> 8, unit & 0xff] : [unit & 0xff, unit >> 8];
    bytes[mark + i * 2] = first;
    bytes[mark + i * 2 + 1] = second;
  }
  return bytes;
}

/** RFC 4648, section 4, with padding. */
export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const digit = (shift: number): string => ALPHABET[(word >> shift) & 63] as string;
    text += digit(18) + digit(12) + (left > 1 ? digit(6) : '=') + (left > 2 ? digit(0) : '=');
  }
  return text;
}

/**
 * What of a value's Base64 stays the same wherever it stands in a longer encoded value: one text for each of the three
 * positions in a group of three bytes, without the digits at the edges that also hold bits of the neighbours. Empty ones,
 * of values of one byte, are left out.
 */
export function base64Offsets(bytes: Uint8Array): readonly string[] {
  return [0, 1, 2]
    .map((before) => {
      const padded = new Uint8Array(before + bytes.length);
      padded.set(bytes, before);
      const digits = base64(padded).replaceAll('=', '');
      const whole = Math.floor((padded.length * 8) / 6);
      return digits.slice(Math.ceil((before * 8) / 6), whole);
    })
    .filter((digits) => digits !== '');
}
