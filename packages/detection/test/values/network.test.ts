import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkNetwork, networksMatcher } from '../../src/values/network.ts';

const v4 = fc.ipV4();
const v6 = fc.ipV6().filter((text) => !text.includes('.'));

/** The first address of a network, by text. */
function networkOf(address: string, bits: number): string {
  if (!address.includes(':')) {
    const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const first = Math.floor(number / 2 ** (32 - bits)) * 2 ** (32 - bits);
    return [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
  }
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const known = [groups(head), groups(tail ?? '')] as const;
  const all = tail === undefined ? known[0] : [...known[0], ...Array(8 - known[0].length - known[1].length).fill('0'), ...known[1]];
  const number = all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  const first = (number >> BigInt(128 - bits)) << BigInt(128 - bits);
  return [7, 6, 5, 4, 3, 2, 1, 0].map((i) => ((first >> BigInt(i * 16)) & 0xffffn).toString(16)).join(':');
}

describe('networks', () => {
  it("hold the addresses that the platform's block list holds", () => {
    fc.assert(
      fc.property(v4, fc.integer({ min: 0, max: 32 }), v4, (base, bits, address) => {
        const list = new BlockList();
        const first = networkOf(base, bits);
        list.addSubnet(first, bits, 'ipv4');
        expect(networksMatcher([`${first}/${bits}`])(base)).toBe(true);
        expect(networksMatcher([`${first}/${bits}`])(address)).toBe(list.check(address, 'ipv4'));
        expect(networksMatcher([`${first}/${bits}`])(`::ffff:${address}`)).toBe(list.check(address, 'ipv4'));
      }),
    );
    fc.assert(
      fc.property(v6, fc.integer({ min: 1, max: 128 }), v6, (base, bits, address) => {
        const first = networkOf(base, bits);
        if (first.startsWith('0:0:0:0:0:ffff')) return;
        const list = new BlockList();
        list.addSubnet(first, bits, 'ipv6');
        expect(checkNetwork(`${first}/${bits}`)).toBeNull();
        expect(networksMatcher([`${first}/${bits}`])(base)).toBe(true);
        expect(networksMatcher([`${first}/${bits}`])(address)).toBe(list.check(address, 'ipv6'));
      }),
    );
  });

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/08',
    '::/129',
    '0x0a.0.0.0/8',
    '10/8',
    '::ffff:10.0.0.0/95',
    'fe80::%eth0/64',
    'a/8',
  ])('are not %j', (text) => {
    expect(checkNetwork(text)).toMatch(/./);
  });
});

describe('addresses of four numbers', () => {
  const isAddress = networksMatcher(['0.0.0.0/0']);

  it('are what the platform takes for such', () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '2', '5', '9', '.'), maxLength: 18 });
    const nearly = fc.array(fc.oneof(fc.nat({ max: 300 }).map(String), fc.constantFrom('', '00', '01', '256', '1e1', ' 1')), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          digits,
          fc.ipV4(),
          nearly.map((parts) => parts.join('.')),
        ),
        (text) => {
          expect(isAddress(text)).toBe(isIPv4(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
