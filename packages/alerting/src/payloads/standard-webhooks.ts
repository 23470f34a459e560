/** Signatures of the generic webhook: Standard Webhooks 1.0.0, symmetric (v1, HMAC-SHA256). */
import { createHmac } from 'node:crypto';
import { AlertingError } from '../errors.ts';

const PREFIX = 'whsec_';
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

/** The key of a secret `whsec_BASE64` of 24 to 64 bytes. Throws AlertingError `settings_invalid`; the message has nothing of it. */
export function webhookKey(secret: string): Uint8Array {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (key.length < SECRET_BYTES_MIN || key.length > SECRET_BYTES_MAX)
    throw new AlertingError(
      'settings_invalid',
      `a webhook secret is ${PREFIX} and base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes; make a new one`,
    );
  return key;
}

/**
 * Headers of one attempt: the id stays the same for all attempts of a message, the timestamp (seconds) is this one's. One
 * signature a key, so that a secret can be replaced while receivers know either.
 */
export function signatureHeaders(keys: readonly Uint8Array[], id: string, now_ms: number, body: string): Readonly<Record<string, string>> {
  // A dot would let parts of what is signed pass for each other.
  if (!/^[\w-]{1,64}$/.test(id)) throw new AlertingError('settings_invalid', 'the id of a message has characters that cannot be signed');
  const timestamp = Math.floor(now_ms / 1_000);
  const sign = (key: Uint8Array): string => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': keys.map(sign).join(' ') };
}
