import type { FieldValue } from '../model.ts';

/**
 * Fields that rules may ask for and that no event carries: they follow from others. rules/README.md lists them.
 *
 * - `source_network`: the /24 of an IPv4 address, the /48 of an IPv6 address, as text
 * - `token_age_s`: whole seconds from the token's issue to the act; negative where it was issued later
 * - `token_expired_for_s`: whole seconds from the token's expiry to the act; negative while it is good
 */
export const DERIVED_FIELDS: readonly string[] = ['source_network', 'token_age_s', 'token_expired_for_s'];

/**
 * The value of a derived field; null where what it follows from is missing, undefined for any other name.
 *
 * @param read the event's own fields: `source_ip` as text, `occurred_at` in µs, `token_issued_at` and `token_expires_at` in ms
 */
export function derivedField(name: string, read: (name: string) => FieldValue | undefined): FieldValue | undefined {
  switch (name) {
    case 'source_network': {
      const address = read('source_ip');
      return typeof address === 'string' ? networkOf(address) : null;
    }
    case 'token_age_s':
      return secondsSince(read('token_issued_at'), read('occurred_at'));
    case 'token_expired_for_s':
      return secondsSince(read('token_expires_at'), read('occurred_at'));
    default:
      return undefined;
  }
}

function secondsSince(from_ms: FieldValue | undefined, to_us: FieldValue | undefined): number | null {
  return typeof from_ms === 'number' && typeof to_us === 'number' ? Math.floor((to_us / 1_000 - from_ms) / 1_000) : null;
}

/** Null for what is no address in its usual text. */
function networkOf(address: string): string | null {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1] ?? address;
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/.exec(mapped);
  if (octets !== null) return `${octets[1]}.${octets[2]}.${octets[3]}.0/24`;
  if (!/^[0-9a-f:]{2,39}$/i.test(mapped) || !mapped.includes(':')) return null;
  const [head = '', tail] = mapped.toLowerCase().split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after];
  if (groups.length !== 8) return null;
  return `${groups
    .slice(0, 3)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/48`;
}
