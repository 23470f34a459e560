import type { Sha256 } from '../model.ts';

/** Names the encoding, so that no other hash of the same bytes is an alert's id. */
const DOMAIN = 'sealtrail/alert/v1';
const ID_BYTES = 16;

export interface AlertIdentity {
  readonly rule: string;
  readonly version: string;
  readonly tenant: string;
  /** Names and values of the group, in the order of the rule's group-by. */
  readonly group: readonly (readonly [name: string, value: string])[];
  readonly anchor: string;
}

/**
 * Hex of the first 16 bytes of SHA-256 over: the domain, rule id, rule version, tenant, number of pairs in decimal, each
 * pair's name and value, the anchor. Each of these as its length in bytes (4, big-endian) and its UTF-8, where a lone
 * surrogate takes its own three bytes (WTF-8), so that no two texts share an encoding.
 */
export function alertId(sha256: Sha256, { rule, version, tenant, group, anchor }: AlertIdentity): string {
  const parts = [DOMAIN, rule, version, tenant, String(group.length), ...group.flat(), anchor].map(wtf8);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return hex(sha256(bytes).subarray(0, ID_BYTES));
}

const utf8 = new TextEncoder();

function wtf8(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8.encode(text);
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else bytes.push(...utf8.encode(character));
  }
  return Uint8Array.from(bytes);
}

const DIGEST_MARK = '…sha256:';

/** A text, or for a long one its start and a digest of all of it. No two texts give the same: what looks shortened is shortened. */
export function shortened(sha256: Sha256, text: string, characters_max: number): string {
  if (text.length <= characters_max && !text.includes(DIGEST_MARK)) return text;
  return `${text.slice(0, characters_max - DIGEST_MARK.length - 64)}${DIGEST_MARK}${hex(sha256(wtf8(text)))}`;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
