import { createHmac } from 'node:crypto';
import { IdentityError } from './errors.ts';

export interface PseudonymOptions {
  /** Stands in the pseudonym, so that one can be relinked with the key of its epoch, and no other. A whole number from 1. */
  readonly key_epoch: number;
  /** At least 32 random bytes. Who holds it can relink a known subject until it is destroyed. */
  readonly key: Uint8Array;
}

/** Gives a subject its pseudonym. */
export interface Pseudonyms {
  (issuer: string | null, subject: string): string;
}

const DOMAIN = Buffer.from('sealtrail/pseudonym/v1\0');
const PSEUDONYM_BYTES = 16;

/**
 * `p<epoch>:` and 32 hex digits: the first 16 bytes of HMAC-SHA-256(key, "sealtrail/pseudonym/v1\0" ‖ length of the
 * issuer as 32-bit big-endian, 0xffffffff for none ‖ issuer ‖ subject), texts in UTF-8. docs/emitting.md
 * Throws IdentityError `invalid_option`.
 */
export function createPseudonyms({ key_epoch, key }: PseudonymOptions): Pseudonyms {
  if (!Number.isSafeInteger(key_epoch) || key_epoch < 1) {
    throw new IdentityError('invalid_option', `key_epoch is ${key_epoch}: pass a whole number from 1`);
  }
  if (key.length < 32) throw new IdentityError('invalid_option', `the pseudonym key has ${key.length} bytes: draw at least 32 random ones`);
  const secret = Buffer.from(key);
  return (issuer, subject) => {
    const name = Buffer.from(issuer ?? '');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(issuer === null ? 0xffff_ffff : name.length);
    const mac = createHmac('sha256', secret).update(DOMAIN).update(length).update(name).update(subject).digest();
    return `p${key_epoch}:${mac.toString('hex', 0, PSEUDONYM_BYTES)}`;
  };
}
