import { createHash } from 'node:crypto';
import { batchSigningInput, decodeHeader, encodeHeader } from '@sealtrail/wire';
import fc from 'fast-check';
import { flattenedVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { createBatchSigner, createEmitter, type EmitterOptions } from '../src/index.ts';
import { checkedBatch, harness, NOW_MS, PUBLIC_KEY } from './fixtures/harness.ts';

describe('a batch', () => {
  it('is what the format says', async () => {
    const { emitter, batches } = harness();
    for (let i = 0; i < 5; i++) void emitter.audit.log('invoice.read', { resource_id: String(i) });
    await emitter.flush();
    const [batch] = batches();
    const thumbprint = createHash('sha256')
      .update(`{"crv":"Ed25519","kty":"OKP","x":"${Buffer.from(PUBLIC_KEY).toString('base64url')}"}`)
      .digest();
    expect(batch?.header).toMatchObject({
      version: 1,
      suite: 1,
      audience: 'test-deployment',
      tenant: 'acme',
      producer: 'invoices',
      key_id: new Uint8Array(thumbprint),
      started_at: NOW_MS,
      delivery: 'ROUTINE',
      sequence: 0,
      kind: 'DATA',
      shed: 0,
      predecessor: null,
      count: 5,
    });
    expect(batch?.header.instance).toHaveLength(16);
  });

  it('carries a signature that jose takes for a detached JWS (RFC 7797)', async () => {
    const { emitter, batches } = harness();
    await emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' });
    const { walked, header } = batches()[0] as ReturnType<typeof checkedBatch>;
    const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const kid = base64url(header.key_id);
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: base64url(PUBLIC_KEY) }, 'Ed25519');
    const jws = {
      protected: base64url(Buffer.from(`{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"${kid}"}`)),
      payload: Buffer.concat([Buffer.from('sealtrail/batch/v1\0'), walked.header_bytes]),
      signature: base64url(walked.signature),
    };
    const verified = await flattenedVerify(jws, key);
    expect(verified.protectedHeader).toEqual({ alg: 'Ed25519', b64: false, crit: ['b64'], kid });
    const altered = Buffer.from(jws.payload);
    altered[30] = (altered[30] as number) ^ 1;
    await expect(flattenedVerify({ ...jws, payload: altered }, key)).rejects.toThrow();
    // The header's bytes on the wire are the ones that decoding and encoding gives.
    expect(Buffer.from(encodeHeader(decodeHeader(walked.header_bytes)))).toEqual(Buffer.from(walked.header_bytes));
    expect(batchSigningInput(header.key_id, walked.header_bytes).length).toBeGreaterThan(walked.header_bytes.length);
  });

  it('is accepted whatever is logged', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary', minLength: 500, maxLength: 3_000 }),
    );
    const lone = text.map((value) => `${value}\ud800`);
    const value = fc.oneof(
      text,
      lone,
      fc.double(),
      fc.boolean(),
      fc.bigInt(),
      fc.date({ noInvalidDate: false }),
      fc.constant(null),
      fc.constant({}),
    );
    const details = fc.record(
      {
        resource_id: fc.oneof(text, lone),
        resource_type: fc.oneof(text, lone),
        related: fc.array(fc.record({ type: text, id: lone }), { maxLength: 40 }),
        attributes: fc.dictionary(fc.oneof(text, lone), value, { maxKeys: 100 }),
        outcome: fc.constantFrom('SUCCESS', 'DENIED'),
        reason: fc.oneof(text, lone),
        severity: fc.constantFrom('INFORMATIONAL', 'HIGH'),
        occurred_at_ms: fc.double({ min: 0, max: 7e12, noNaN: true }),
      },
      { requiredKeys: [] },
    );
    const context = fc.record(
      {
        source_ip: text,
        user_agent: lone,
        http_method: text,
        http_route: text,
        trace_id: text,
        http_status: fc.integer({ min: 100, max: 599 }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(details, context), { minLength: 1, maxLength: 5 }), async (logged) => {
        const { emitter, events } = harness();
        for (const [what, where] of logged) void emitter.audit.log('thing.happen', what as never, where);
        await emitter.flush();
        expect(events()).toHaveLength(logged.length); // checkedBatch walked and verified them
        expect(emitter.stats().routine.dropped_events).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('gives every event salts and ids of its own', async () => {
    const { emitter, events } = harness();
    for (let i = 0; i < 2_000; i++) void emitter.audit.log('invoice.read');
    await emitter.flush();
    const seen = new Set<string>();
    for (const { actor_salt, object_salt, event_id } of events()) {
      for (const bytes of [actor_salt, object_salt, event_id]) seen.add(Buffer.from(bytes).toString('hex'));
    }
    expect(seen.size).toBe(6_000);
    const ids = events().map(({ event_id }) => Buffer.from(event_id).toString('hex'));
    expect(ids).toEqual([...ids].sort());
    expect(ids.every((id) => id[12] === '7' && '89ab'.includes(id[16] as string))).toBe(true);
    expect(Number.parseInt(ids[0]?.slice(0, 12) as string, 16)).toBe(NOW_MS);
  });
});

describe('options', () => {
  const cases: readonly [string, Partial<EmitterOptions>][] = [
    ['invalid_name', { tenant: 'with space' }],
    ['invalid_name', { announce: ['ok', 'not ok'] }],
    ['invalid_name', { producer: '' }],
    ['invalid_name', { audience: 'ä' }],
    ['invalid_name', { producer: 'x'.repeat(129) }],
    ['invalid_option', { publicKey: new Uint8Array(31) }],
    ['invalid_option', { batch_events_max: 0 }],
    ['invalid_option', { batch_events_max: 4_097 }],
    ['invalid_option', { batch_bytes_max: 524_288 }],
    ['invalid_option', { linger_ms: -1 }],
    ['invalid_option', { linger_ms: 0.5 }],
    ['invalid_option', { memory_bytes_max: Number.NaN }],
    ['invalid_option', { retry_ms_min: 100, retry_ms_max: 50 }],
    ['invalid_option', { redaction: { value_chars_max: 15 } }],
    ['invalid_option', { redaction: { attributes_max: 1_000 } }],
    ['invalid_option', { pseudonyms: { key_epoch: 1, key: new Uint8Array(8) } }],
  ];
  it.each(cases)('%s: %o', (code, options) => {
    expect(() => harness(options)).toThrowError(expect.objectContaining({ code }) as Error);
  });

  it('have defaults that work', async () => {
    const { log } = harness();
    const emitter = createEmitter({
      log,
      audience: 'a',
      producer: 'p',
      publicKey: PUBLIC_KEY,
      sign: () => new Uint8Array(64),
      tenant: 't',
    });
    await emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    expect(await emitter.close()).toEqual({ kind: 'closed' });
    expect(log.records).toHaveLength(2);
  });
});

describe('createBatchSigner', () => {
  it('refuses what is no batch, and then uses no number', () => {
    const signer = createBatchSigner({
      sha256: { digest: () => new Uint8Array(32), digestInto: () => undefined },
      sign: () => new Uint8Array(64),
      publicKey: PUBLIC_KEY,
      audience: 'a',
      producer: 'p',
      instance: new Uint8Array(16),
      started_at: NOW_MS,
      random: (bytes) => new Uint8Array(bytes),
    });
    const batch = { tenant: 't', delivery: 'ROUTINE' } as const;
    const codes = [
      () => signer.sign({ ...batch, events: [] }),
      () => signer.sign({ ...batch, tenant: 'no name', events: [{} as never] }),
      () => signer.sign({ ...batch, events: Array.from({ length: 4_097 }, () => ({}) as never) }),
      () => signer.sign({ ...batch, events: [{} as never] }),
    ].map((work) => {
      try {
        work();
        return 'none';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(codes).toEqual(['invalid_event', 'event_not_encodable', 'batch_too_large', 'event_not_encodable']);
    expect(signer.nextSequence('t', 'ROUTINE')).toBe(0);
    signer.sign({ ...batch, kind: 'HEARTBEAT', events: [] });
    expect([signer.nextSequence('t', 'ROUTINE'), signer.nextSequence('t', 'CRITICAL')]).toEqual([1, 0]);
  });
});
