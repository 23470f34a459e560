import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, type LogFields, redactSecrets } from '../src/index.ts';

class KnownError extends Error {
  readonly code = 'log_unavailable';
}

function captured(options: { format: 'json' | 'text'; level?: 'debug' | 'info' | 'warn' | 'error' }) {
  const lines: string[] = [];
  const logger = createLogger({
    write: (line) => lines.push(line),
    clock_ms: () => 1_700_000_000_000,
    trusted_errors: [KnownError],
    ...options,
  });
  return { lines, logger };
}

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';
const KEY_ID = 'AKIAQ7Z3XEXAMPLE1234';

describe('createLogger', () => {
  it('writes one JSON object a line', () => {
    const { lines, logger } = captured({ format: 'json' });
    logger.with({ component: 'ledger' }).info('round committed', { partition: 0, from: 3, to: 7, round_hash: 'ab'.repeat(32) });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2023-11-14T22:13:20.000Z',
      level: 'info',
      message: 'round committed',
      component: 'ledger',
      partition: 0,
      from: 3,
      to: 7,
      round_hash: 'ab'.repeat(32),
    });
  });

  it('writes text for people', () => {
    const { lines, logger } = captured({ format: 'text' });
    logger.warn('waiting', { topic: 'audit.events', reason: 'no answer' });
    expect(lines).toEqual(['2023-11-14T22:13:20.000Z warn  waiting topic=audit.events reason="no answer"\n']);
  });

  it('writes nothing below its level', () => {
    const { lines, logger } = captured({ format: 'text', level: 'warn' });
    logger.debug('d');
    logger.info('i');
    logger.warn('w');
    logger.error('e');
    expect(lines.map((line) => line.slice(25, 30).trim())).toEqual(['warn', 'error']);
  });

  it('tells the message of trusted errors only', () => {
    const { lines, logger } = captured({ format: 'json' });
    logger.error('failed', {}, new KnownError('cannot reach the log; start it'));
    logger.error('failed', {}, Object.assign(new TypeError("row 'alice@example.com' refused"), { code: 117 }));
    logger.error('failed', {}, 'alice@example.com');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      error_class: 'KnownError',
      error_code: 'log_unavailable',
      error_message: 'cannot reach the log; start it',
    });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ error_class: 'TypeError', error_code: 117 });
    expect(lines.join('')).not.toContain('alice');
  });

  it('looks into no object that comes in against the types', () => {
    const { lines, logger } = captured({ format: 'json' });
    logger.info('x', { path: { sub: 'alice' }, reason: undefined, code: null, offset: Number.NaN } as unknown as LogFields);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: '[object]', code: null, offset: 'NaN' });
    expect(lines[0]).not.toContain('alice');
  });

  it.each(['json', 'text'] as const)('stays on one line in %s, whatever comes in', (format) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, reason) => {
        const { lines, logger } = captured({ format });
        logger.info(message, { reason });
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\p{Cc}]*\n$/u);
      }),
    );
  });

  it('puts a secret nowhere, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 64 }),
        fc.constantFrom('base64', 'base64url', 'hex' as const),
        fc.string(),
        (bytes, encoding, around) => {
          const secret = Buffer.from(bytes)
            .toString(encoding as 'hex')
            .replace(/=+$/, '');
          fc.pre(
            /\d/.test(secret) &&
              /[A-Za-z]/.test(secret) &&
              secret.split('/').every((piece) => piece.length >= 20 && /\d/.test(piece) && /[A-Za-z]/.test(piece)),
          );
          const { lines, logger } = captured({ format: 'json' });
          logger.info(`${around} ${secret} ${around}`, { reason: secret, path: `/x/${secret}` });
          expect(lines[0]).not.toContain(secret);
        },
      ),
    );
  });
});

describe('redactSecrets', () => {
  it.each([
    [`token ${JWT} refused`, 'token [redacted] refused'],
    [`cut ${JWT.slice(0, 30)}`, 'cut [redacted]'],
    ['Authorization: Bearer abcdef', /^Authorization: \[redacted\]/],
    ['Bearer abcdef0', 'Bearer [redacted]'],
    ['https://root:hunter2@db:8123/x', 'https://[redacted]@db:8123/x'],
    ['password=hunter2 next', 'password=[redacted] next'],
    ['{"client_secret":"hunter2"}', '{"client_secret":"[redacted]"}'],
    [`key ${KEY_ID}`, 'key [redacted]'],
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\nx', '[redacted]\nx'],
    [`seed ${'0f'.repeat(32)}`, 'seed [redacted]'],
  ] as const)('masks %s', (text, want) => {
    const masked = redactSecrets(text);
    if (typeof want === 'string') expect(masked).toBe(want);
    else expect(masked).toMatch(want);
    expect(masked).not.toMatch(/hunter2|abcdef|MC4C/);
  });

  it.each([
    'cannot open /var/lib/sealtrail/data-2024/log/partition-0/data.mdb; check its mode',
    'instance 0190f5b2-7a3c-7def-8abc-0123456789ab started',
    'the-producer-of-invoices-in-the-north-region',
    'read 1234567890123456789012345678901234567890 bytes',
    'token_status is VERIFIED',
  ])('leaves %s', (text) => {
    expect(redactSecrets(text)).toBe(text);
  });
});
