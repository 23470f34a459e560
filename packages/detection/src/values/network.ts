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
  const short = networks.filter(({ bytes }) => bytes.length === 4);
  const long = networks.filter(({ bytes }) => bytes.length !== 4);
  const bases = Int32Array.from(short, ({ bytes }) => wordOf(bytes));
  const masks = Int32Array.from(short, ({ bits }) => (bits === 0 ? 0 : -1 << (32 - bits)));
  const hasShort = (word: number): boolean => {
    for (let i = 0; i < bases.length; i++) if (((word ^ (bases[i] as number)) & (masks[i] as number)) === 0) return true;
    return false;
  };
  return (candidate) => {
    const word = dottedWord(candidate);
    if (word !== null) return hasShort(word);
    const address = parseAddress(candidate);
    if (address === null) return false;
    return address.bytes.length === 4 ? hasShort(wordOf(address.bytes)) : long.some((network) => isInside(address, network));
  };
}

const wordOf = (bytes: readonly number[]): number =>
  ((bytes[0] as number) << 24) | ((bytes[1] as number) << 16) | ((bytes[2] as number) << 8) | (bytes[3] as number);

const DOTTED_CHARACTERS_MAX = 15;
const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39];

/**
 * Four decimal numbers without leading zeros as 32 bits; null for any other text. Nearly every event has such an address, and
 * the library's expressions cost as much as the rest of a rule.
 */
function dottedWord(text: string): number | null {
  if (text.length > DOTTED_CHARACTERS_MAX) return null;
  let [word, part, digits, dots] = [0, 0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === DOT) {
      if (digits === 0) return null;
      word = (word << 8) | part;
      [part, digits] = [0, 0];
      dots++;
    } else {
      if (unit < ZERO || unit > NINE || (digits > 0 && part === 0)) return null;
      part = part * 10 + unit - ZERO;
      if (part > 255) return null;
      digits++;
    }
  }
  return dots === 3 && digits > 0 ? (word << 8) | part : null;
}

const isInside = (address: Address, { bytes, bits }: Network): boolean =>
  address.bytes.length === bytes.length && bytes.every((byte, i) => (((address.bytes[i] as number) ^ byte) & maskOf(bits, i)) === 0);
