import { EmitterError } from './errors.ts';

const ADDRESS_BYTES = 16;
/** The longest text of an IPv6 address with an IPv4 tail. */
const ADDRESS_CHARS_MAX = 45;
const IPV4_CHARS_MAX = 15;
const MAPPED_BITS = 96;
const DOT = 46;

/**
 * An address as an event carries it: 16 bytes, IPv4 as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2). null for what is
 * none; a zone (`%eth0`) is left out, as are the brackets and the port that some proxies add.
 */
export function parseAddress(text: string): Uint8Array | null {
  // The usual kind first. A text with anything but its digits and dots is looked at in full below.
  if (text.length <= IPV4_CHARS_MAX) {
    const plain = new Uint8Array(ADDRESS_BYTES);
    plain[10] = 0xff;
    plain[11] = 0xff;
    if (writeIpv4(text, plain, 12)) return plain;
  }
  let host = text.trim();
  if (host.startsWith('[')) {
    const close = host.indexOf(']');
    if (close === -1) return null;
    host = host.slice(1, close);
  } else if (host.includes('.') && host.indexOf(':') === host.lastIndexOf(':') && host.includes(':')) {
    host = host.slice(0, host.indexOf(':'));
  }
  const zone = host.indexOf('%');
  if (zone !== -1) host = host.slice(0, zone);
  if (host.length === 0 || host.length > ADDRESS_CHARS_MAX) return null;
  const out = new Uint8Array(ADDRESS_BYTES);
  if (!host.includes(':')) {
    out[10] = 0xff;
    out[11] = 0xff;
    return writeIpv4(host, out, 12) ? out : null;
  }
  return writeIpv6(host, out) ? out : null;
}

function writeIpv4(text: string, out: Uint8Array, at: number): boolean {
  let part = 0;
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (value === -1 || part === 4) return false;
      out[at + part++] = value;
      value = -1;
    } else {
      // No leading zeros: some readers take them as octal.
      if (code < 48 || code > 57 || value === 0) return false;
      value = (value === -1 ? 0 : value * 10) + code - 48;
      if (value > 255) return false;
    }
  }
  return part === 4;
}

function writeIpv6(text: string, out: Uint8Array): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const head = groups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] as string, true) : [];
  if (head === null || tail === null) return false;
  const given = head.length + tail.length;
  if (halves.length === 1 ? given !== ADDRESS_BYTES : given > ADDRESS_BYTES - 2) return false;
  out.set(head, 0);
  out.set(tail, ADDRESS_BYTES - tail.length);
  return true;
}

/** Bytes of the groups on one side of `::`; an IPv4 tail is allowed at the very end only. */
function groups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (isEnd && i === parts.length - 1 && part.includes('.')) {
      const ipv4 = new Uint8Array(4);
      if (!writeIpv4(part, ipv4, 0)) return null;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      const group = Number.parseInt(part, 16);
      bytes.push(group >>> 8, group & 0xff);
    }
  }
  return bytes;
}

const isMappedIpv4 = (address: Uint8Array): boolean => {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
};

/** The network only: /24 of IPv4, /48 of IPv6. */
export function truncateAddress(address: Uint8Array): Uint8Array {
  const out = address.slice();
  out.fill(0, isMappedIpv4(address) ? 15 : 6);
  return out;
}

/** Whether an address lies in one of the networks. */
export interface Networks {
  contains(address: Uint8Array): boolean;
}

/** From `10.0.0.0/8`, `2001:db8::/32`, or single addresses. Throws EmitterError `invalid_option`. */
export function parseNetworks(option: string, texts: readonly string[]): Networks {
  const networks = texts.map((text) => {
    const [host = '', length, ...rest] = text.split('/');
    const address = parseAddress(host);
    const most = host.includes(':') ? 128 : 32;
    const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
    if (address === null || rest.length > 0 || !(bits <= most)) {
      throw new EmitterError('invalid_option', `${option}: ${JSON.stringify(text)} is no network: write it as 10.0.0.0/8 or 2001:db8::/32`);
    }
    return { address, bits: host.includes(':') ? bits : MAPPED_BITS + bits };
  });
  return { contains: (address) => networks.some((network) => hasPrefix(address, network.address, network.bits)) };
}

function hasPrefix(address: Uint8Array, prefix: Uint8Array, bits: number): boolean {
  const whole = bits >>> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((address[whole] as number) ^ (prefix[whole] as number)) >>> (8 - rest) === 0;
}

/**
 * The caller's address behind proxies: from the connection's own address leftwards through X-Forwarded-For, as long as the
 * address is a trusted proxy's. What an untrusted party wrote further left is ignored.
 */
export function callerAddress(remote: string | undefined, forwardedFor: string | undefined, trusted: Networks): Uint8Array | null {
  let caller = remote === undefined ? null : parseAddress(remote);
  if (caller === null || forwardedFor === undefined) return caller;
  const hops = forwardedFor.slice(-2_048).split(',');
  for (let i = hops.length - 1; i >= 0 && trusted.contains(caller); i--) {
    const hop = parseAddress(hops[i] as string);
    if (hop === null) break; // "unknown", or not an address: nothing left of it can be trusted
    caller = hop;
  }
  return caller;
}
