import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RedactionOptions, RedactionReport } from '../../src/index.ts';
import { mod97 } from '../../src/redaction/personal.ts';
import { createRedactor, SCAN_CHARS_MAX, type Tally } from '../../src/redaction/redactor.ts';
import { PLANTED_SECRETS } from '../fixtures/planted-secrets.ts';

const tally = (): Tally => ({ redactions: 0, scan_chars: SCAN_CHARS_MAX });

function run(
  values: Readonly<Record<string, unknown>>,
  options: RedactionOptions = {},
): { out: Record<string, string>; reports: RedactionReport[] } {
  const reports: RedactionReport[] = [];
  const counted = tally();
  const out = createRedactor(options, (report) => reports.push(report)).attributes(values as never, counted);
  expect(counted.redactions).toBe(reports.length);
  return { out: Object.fromEntries(out), reports };
}
const text = (value: string, charsMax = 4_096): string => createRedactor({}, undefined).text('reason', value, 'free', charsMax, tally());

describe('what is masked, and how', () => {
  it.each([
    ['Bearer abcdef0123456789', 'Bearer [redacted:authorization]'],
    ['bearer%20abcdef0123456789 ok', 'bearer [redacted:authorization] ok'],
    [`x Basic ${Buffer.from('bob:hunter2').toString('base64')} y`, 'x Basic [redacted:authorization] y'],
    ['https://bob:hunter2@example.com/x', 'https://[redacted:url_credentials]@example.com/x'],
    ['amqp://bob:p@ss@mq.internal/v', 'amqp://[redacted:url_credentials]@mq.internal/v'],
    ['password=hunter2&next=1', 'password=[redacted:assigned_secret]&next=1'],
    ['{"password":"a b, c","x":1}', '{"password":"[redacted:assigned_secret]","x":1}'],
    ['{"password":"a \\"quoted\\" b","x":1}', '{"password":"[redacted:assigned_secret]","x":1}'],
    ['{"body":"{\\"password\\":\\"hunter 2\\",\\"x\\":1}"}', '{"body":"{\\"password\\":\\"[redacted:assigned_secret]\\",\\"x\\":1}"}'],
    ["{'api_key': 'k k'}", "{'api_key': '[redacted:assigned_secret]'}"],
    ['password="" user="bob"', 'password="" user="bob"'],
    ['X-Api-Key: 12345', 'X-Api-Key: [redacted:assigned_secret]'],
    ['api_key => abc', 'api_key => [redacted:assigned_secret]'],
    ['password: correct horse', 'password: [redacted:assigned_secret] horse'],
    ['Cookie: a=b; c=d\nHost: x', 'Cookie: [redacted:assigned_secret]\nHost: x'],
    ['?sig=9aB%2Fc8Dd7Ee6Ff5Gg4Hh3&x=1', '?sig=[redacted:assigned_secret]&x=1'],
    ['X-Amz-Signature=3c1e9a0f7b2d4c6e8a0b1d3f5a7c9e0b', 'X-Amz-Signature=[redacted:assigned_secret]'],
    ['pay 4111 1111 1111 1111 now', 'pay [redacted:card] now'],
    ['pay 4111 1111 1111 1112 now', 'pay 4111 1111 1111 1112 now'],
    ['to DE89 3704 0044 0532 0130 00.', 'to [redacted:iban].'],
    ['to DE89370400440532013001.', 'to DE89370400440532013001.'],
    ['mail bob.smith+x@mail.example.co.uk!', 'mail [redacted:email]!'],
    ['mail bob%40example.com', 'mail [redacted:email]'],
    ['user@host and a@b', 'user@host and a@b'],
    ['tail -----BEGIN RSA PRIVATE KEY-----\nabc', 'tail [redacted:pem]'],
    ['x'.repeat(20), 'x'.repeat(20)],
  ])('%s', (value, masked) => {
    expect(text(value)).toBe(masked);
    expect(text(masked)).toBe(masked); // a masked text is left alone
  });

  it('by name: secrets whole, random ones under suspicious names, personal ones dropped', () => {
    const { out, reports } = run({
      password: 'x',
      clientSecret: 'a b',
      'X-API-KEY': '1',
      refresh_token: 'r',
      session: 'Zk3Jx9Qw7Lm2Vb8N',
      key: 'invoice-7',
      email: 'bob@example.com',
      customerName: 'Bob',
      name: 'Bob',
      phone_count: 2,
      note: 'fine',
    });
    expect(out).toEqual({
      password: '[redacted:secret_name]',
      clientSecret: '[redacted:secret_name]',
      'X-API-KEY': '[redacted:secret_name]',
      refresh_token: '[redacted:secret_name]',
      session: '[redacted:high_entropy]',
      key: 'invoice-7',
      phone_count: '2',
      note: 'fine',
    });
    expect(reports.filter(({ rule }) => rule === 'personal_name').map(({ field }) => field)).toEqual([
      'attributes.email',
      'attributes.customerName',
      'attributes.name',
    ]);
  });

  it('the allow-list keeps what it names, personal or not, and drops the rest; secrets stay masked', () => {
    const { out, reports } = run(
      { email: 'not an address', amount: 5, password: 'x', other: 1 },
      { allow_attributes: ['email', 'amount', 'password'] },
    );
    expect(out).toEqual({ email: 'not an address', amount: '5', password: '[redacted:secret_name]' });
    expect(reports).toContainEqual({ field: 'attributes', rule: 'not_allowed' });
  });

  it('further personal names', () => {
    expect(run({ badgeNumber: 7, badge: 1 }, { personal_names: ['badge_number'] }).out).toEqual({ badge: '1' });
  });

  it('spells values, and says what it cannot spell', () => {
    const { out } = run({ a: 1.5, b: true, c: 10n, d: new Date(0), e: null, f: undefined, g: {}, h: Number.NaN, i: new Date(Number.NaN) });
    expect(out).toEqual({
      a: '1.5',
      b: 'true',
      c: '10',
      d: '1970-01-01T00:00:00.000Z',
      g: '[redacted:unsupported]',
      h: '[redacted:unsupported]',
      i: '[redacted:unsupported]',
    });
  });

  it('bounds: attributes, lengths, names; a cut never shows half a secret or half a character', () => {
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`n${i}`, i]));
    const { out } = run(many);
    expect(Object.keys(out)).toHaveLength(65);
    expect(out['sealtrail.attributes_dropped']).toBe('6');
    const jwt = PLANTED_SECRETS[0]?.text as string;
    const at_the_edge = run({ note: `${'word '.repeat(200)}${jwt}` }).out.note as string;
    expect(at_the_edge.length).toBeLessThanOrEqual(1_024);
    expect(at_the_edge).not.toContain('eyJ');
    for (let length = 1_000; length < 1_060; length++) {
      const cut = text('🧾'.repeat(length), 1_024);
      expect(cut.isWellFormed() && cut.length <= 1_024).toBe(true);
    }
    expect(Object.keys(run({ ['n'.repeat(100)]: 1, ['n'.repeat(101)]: 2 }).out)).toHaveLength(2);
  });

  it('the scan of one event is bounded: what is beyond it is masked unread', () => {
    const values = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`n${i}`, 'plain words '.repeat(1_000)]));
    const { out } = run(values);
    expect(Object.values(out).filter((value) => value === '[redacted:too_many]').length).toBeGreaterThan(40);
  });
});

describe('in any surroundings', () => {
  it('a secret with a shape of its own is found', () => {
    const shaped = PLANTED_SECRETS.filter(({ text, secret }) => text !== secret || !/^[A-Za-z0-9/+]{40}$/.test(text));
    const around = fc.string({ unit: fc.constantFrom(...' \n\t.,;()[]{}<>|"\'äß日🧾abcXYZ019'), maxLength: 60 });
    fc.assert(
      fc.property(around, fc.constantFrom(...shaped), around, (before, { text: planted, secret }, after) => {
        expect(text(`${before} ${planted} ${after}`)).not.toContain(secret);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a text without secrets comes back as it is, and masking twice is masking once', () => {
    const words = fc.array(fc.constantFrom('the', 'invoice', 'was', 'locked', 'INV-17', '2026-07-14', 'a/b', 'x=1', '42', 'ok:'), {
      maxLength: 40,
    });
    fc.assert(fc.property(words, (list) => void expect(text(list.join(' '))).toBe(list.join(' '))));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (any) => {
        const once = text(any);
        expect(text(once)).toBe(once);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('hostile input costs what its length costs', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Characters that the scanners look at. */
  function steps(value: string): number {
    const real = String.prototype.charCodeAt;
    let looked = 0;
    vi.spyOn(String.prototype, 'charCodeAt').mockImplementation(function (this: string, at: number) {
      looked++;
      return real.call(this, at);
    });
    try {
      text(value);
      return looked;
    } finally {
      vi.restoreAllMocks();
    }
  }

  const UNITS = [
    'eyJ',
    'eyJhbGciOiJub25lIn0',
    'eyJhbGciOiJub25lIn0.',
    'eyJhbGciOiJub25lIn0.a.',
    '-----BEGIN ',
    '-----BEGIN x-----END ',
    '://',
    '://a:',
    '://a:b',
    'a@',
    'a@b.',
    '@',
    '%40',
    'a@b.c',
    'x=',
    ':',
    '=',
    'token=',
    'token:"',
    'password=\\"',
    'key=',
    "key='a",
    '4',
    '4 ',
    '4-4',
    '1 2 3 4 ',
    'DE12',
    'DE12 ',
    'DE ',
    'bearer ',
    'basic ',
    'bearer%20',
    'sk-',
    'AIza',
    'SG.',
    'SG.a-',
    'xoxb-',
    '12345678:AA',
    'dp.pt.',
    'aA1',
    'aA1/',
    'a',
    ' ',
    '"',
    '\\',
    'é',
    '\ud800',
  ];

  it.each(UNITS)('%j repeated', (unit) => {
    const short = steps(unit.repeat(Math.ceil(1_000 / unit.length)));
    const long = steps(unit.repeat(Math.ceil(8_000 / unit.length)));
    // Linear is 8 times as much; a square would be 64.
    expect(long).toBeLessThan(12 * Math.max(short, 1_000));
    expect(long).toBeLessThan(8_000 * 120);
  });

  it('whatever two units it is made of', () => {
    fc.assert(
      fc.property(fc.constantFrom(...UNITS), fc.constantFrom(...UNITS), fc.integer({ min: 1, max: 50 }), (a, b, n) => {
        const block = a.repeat(n) + b;
        const value = block.repeat(Math.ceil(8_000 / block.length)).slice(0, 8_000);
        expect(steps(value)).toBeLessThan(8_000 * 120);
      }),
      { numRuns: 200 },
    );
  });
});

describe('mod97 (ISO 7064)', () => {
  it('holds for the registry examples', () => {
    // ISO 13616 registry examples.
    for (const iban of [
      'GB29NWBK60161331926819',
      'NO9386011117947',
      'MT84MALT011000012345MTLCAST001S',
      'BE68539007547034',
      'FR1420041010050500013M02606',
    ]) {
      expect(mod97(iban)).toBe(1);
      expect(text(`to ${iban} today`)).toBe('to [redacted:iban] today');
    }
  });
});
