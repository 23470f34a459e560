import ipaddr from 'ipaddr.js';

// The package is CommonJS: Node finds no named exports in it.
const { IPv4, IPv6 } = ipaddr;

/** The longest text of an address; nothing longer is looked at. */
const ADDRESS_CHARACTERS_MAX = 45;

interface Address {
  readonly bytes: readonly number[];
}

/** An address; IPv4 inside IPv6 (`::ffff:192.0.2.1`) counts as IPv4. null where the text is none. Zones are not read. */
function parseAddress(text: string): Address | null {
  if (text.length > ADDRESS_CHARACTERS_MAX || text.includes('%')) return null;
  if (IPv4.isValidFourPartDecimal(text)) return { bytes: IPv4.parse(text).toByteArray() };
  if (!text.includes(':') || !IPv6.isValid(text)) return null;
  const address = IPv6.parse(text);
  return { bytes: address.isIPv4MappedAddress() ? address.toIPv4Address().toByteArray() : address.toByteArray() };
}

interface Network extends Address {
  readonly bits: number;
}

function parseNetwork(text: string): Network | string {
  const [base = '', length, more] = text.split('/');
  const address = parseAddress(base);
  if (address === null || more !== undefined) return `"${text.slice(0, 64)}" is no network: write it like 192.0.2.0/24 or 2001:db8::/32`;
  const isMapped = base.includes(':') && address.bytes.length === 4;
  const bits_max = address.bytes.length * 8;
  if (length !== undefined && !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return `"${length.slice(0, 16)}" is no length of a network`;
  const bits = length === undefined ? bits_max : Number(length) - (isMapped ? 96 : 0);
  if (bits < 0 || bits > bits_max) return `a network of this kind is ${isMapped ? '/96 to /128' : `/0 to /${bits_max}`}`;
  if (address.bytes.some((byte, i) => (byte & ~maskOf(bits, i) & 0xff) !== 0))
    return `"${text}" has bits behind /${bits}: write the first address of the network`;
  return { bytes: address.bytes, bits };
}

/** The bits of one byte of an address that belong to the network. */
const maskOf = (bits: number, byte: number): number => (0xff << (8 - Math.min(8, Math.max(0, bits - byte * 8)))) & 0xff;

/** Why a text is no network; null where it is one. An address alone is a network of one. */
export function checkNetwork(text: string): string | null {
  const network = parseNetwork(text);
  return typeof network === 'string' ? network : null;
}

/** Whether a text is an address inside one of the networks, which `checkNetwork` has passed. */
export function networksMatcher(texts: readonly string[]): (address: string) => boolean {
  const networks = texts.map(parseNetwork).filter((network) => typeof network !== 'string');
  return (candidate) => {
    const address = parseAddress(candidate);
    return address !== null && networks.some((network) => isInside(address, network));
  };
}

const isInside = (address: Address, { bytes, bits }: Network): boolean =>
  address.bytes.length === bytes.length && bytes.every((byte, i) => (((address.bytes[i] as number) ^ byte) & maskOf(bits, i)) === 0);
