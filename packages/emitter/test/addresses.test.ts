import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerAddress, parseAddress, parseNetworks, truncateAddress } from '../src/addresses.ts';
import { traceIdBytes, traceIdOf } from '../src/trace-context.ts';
import { harness } from './fixtures/harness.ts';

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
const groupText = fc.constantFrom('0', '1', '00ff', 'abcd', 'ABCD', '12345', 'g', '');
const anyText = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.array(groupText, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':')),
  fc.tuple(fc.array(groupText, { maxLength: 4 }), fc.array(groupText, { maxLength: 4 })).map(([a, b]) => `${a.join(':')}::${b.join(':')}`),
  fc.array(fc.constantFrom('0', '1', '255', '256', '01', '1e1', ''), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
);

describe('addresses', () => {
  it('are the texts that node:net takes for addresses', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // An IPv4 address with a port is one here, and none there.
        fc.pre(!/^\d+(\.\d+)*:\d*$/.test(text));
        expect(parseAddress(text) !== null).toBe(isIP(text) !== 0);
      }),
      { numRuns: 5_000 },
    );
  });

  it('have the bytes that a URL host spells alike', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const bytes = parseAddress(text) as Uint8Array;
        const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16));
        expect(new URL(`http://[${groups.join(':')}]/`).hostname).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['203.0.113.9', '00000000000000000000ffffcb007109'],
    ['203.0.113.9:4711', '00000000000000000000ffffcb007109'],
    [' ::ffff:203.0.113.9 ', '00000000000000000000ffffcb007109'],
    ['[2001:db8::1]:443', '20010db8000000000000000000000001'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['', null],
    ['unknown', null],
    ['[::1', null],
    ['1.2.3.4.5', null],
    ['::1::', null],
    [`${'1'.repeat(50)}`, null],
  ])('%j', (text, bytes) => expect(hex(parseAddress(text))).toBe(bytes));

  it('lie in networks as node:net says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (network, bits, address) => {
        const list = new BlockList();
        list.addSubnet(network, bits, 'ipv4');
        const networks = parseNetworks('x', [`${network}/${bits}`]);
        expect(networks.contains(parseAddress(address) as Uint8Array)).toBe(list.check(address, 'ipv4'));
        expect(networks.contains(parseAddress(network) as Uint8Array)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6(), (network, bits, address) => {
        const list = new BlockList();
        list.addSubnet(network, bits, 'ipv6');
        expect(parseNetworks('x', [`${network}/${bits}`]).contains(parseAddress(address) as Uint8Array)).toBe(list.check(address, 'ipv6'));
      }),
    );
  });

  it('an IPv4 network does not hold an IPv6 address that begins alike', () => {
    expect(parseNetworks('x', ['0.0.0.0/0']).contains(parseAddress('::1') as Uint8Array)).toBe(false);
    expect(parseNetworks('x', ['::/0']).contains(parseAddress('10.0.0.1') as Uint8Array)).toBe(true);
    for (const text of ['x', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/']) {
      expect(() => parseNetworks('trusted_proxies', [text]), text).toThrowError(
        expect.objectContaining({ code: 'invalid_option' }) as Error,
      );
    }
  });

  it('of a caller behind a long header are found from its end', () => {
    const trusted = parseNetworks('x', ['10.0.0.0/8']);
    const header = `${'10.0.0.1, '.repeat(5_000)}198.51.100.1, 10.0.0.2`;
    expect(hex(callerAddress('10.9.9.9', header, trusted))).toBe(hex(parseAddress('198.51.100.1')));
    expect(callerAddress(undefined, '1.2.3.4', trusted)).toBeNull();
  });

  it('are cut to their network when configured so, also in events', async () => {
    expect(hex(truncateAddress(parseAddress('203.0.113.9') as Uint8Array))).toBe('00000000000000000000ffffcb007100');
    expect(hex(truncateAddress(parseAddress('2001:db8:1:2:3:4:5:6') as Uint8Array))).toBe('20010db8000100000000000000000000');
    const { emitter, events } = harness({ addresses: 'truncated' });
    void emitter.audit.log('a.b', {}, { source_ip: '203.0.113.9' });
    await emitter.flush();
    expect(hex(events()[0]?.source_ip ?? null)).toBe('00000000000000000000ffffcb007100');
  });
});

describe('traceparent (W3C Trace Context)', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  it.each([
    [`00-${id}-00f067aa0ba902b7-01`, id],
    [`cc-${id}-00f067aa0ba902b7-01-what-the-future-will-be-like`, id],
    [`00-${id}-00f067aa0ba902b7-01-more`, null],
    [`ff-${id}-00f067aa0ba902b7-01`, null],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, null],
    [`00-${id}-${'0'.repeat(16)}-01`, null],
    [`00-${id.toUpperCase()}-00f067aa0ba902b7-01`, null],
    [`00-${id}-00f067aa0ba902b7`, null],
    [`00-${id}-00f067aa0ba902b7-01x`, null],
    ['', null],
    [null, null],
    [undefined, null],
  ])('%j', (header, expected) => expect(traceIdOf(header)).toBe(expected));

  it('ids in hex become bytes', () => {
    expect(hex(traceIdBytes(id))).toBe(id);
    expect([traceIdBytes(`${id}0`), traceIdBytes('x'.repeat(32))]).toEqual([null, null]);
  });
});

describe('pseudonyms', () => {
  it('stand for the actor and everyone in the chain, and nobody anonymous', async () => {
    const { emitter, events } = harness({ pseudonyms: { key_epoch: 2, key: new Uint8Array(32).fill(9) } });
    const actor = {
      actor_type: 'USER',
      actor_id: 'alice',
      actor_issuer: 'https://issuer.example',
      actor_client_id: null,
      actor_roles: [],
      actor_scopes: [],
      actor_chain: [{ issuer: null, subject: 'support' }],
      token_status: 'VERIFIED',
      token_id_hash: null,
      session_id_hash: null,
      token_key_id: null,
      token_algorithm: null,
      token_issued_at: null,
      token_expires_at: null,
    } as const;
    void emitter.audit.log('a.b', {}, { actor });
    void emitter.audit.log('a.b');
    await emitter.flush();
    const [known, nobody] = events();
    expect(known?.actor_id).toMatch(/^p2:[0-9a-f]{32}$/);
    expect(known?.actor_chain[0]?.subject).toMatch(/^p2:[0-9a-f]{32}$/);
    expect(nobody?.actor_id).toBe('');
  });
});
