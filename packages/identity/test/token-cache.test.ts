import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../src/index.ts';
import { createTokenCache } from '../src/token-cache.ts';
import { clockAt, ISSUER, localIssuer, NOW_MS, NOW_S, options, type SigningKey, signingKey, token } from './issuer.ts';

let key: SigningKey;
let next: SigningKey;
beforeAll(async () => {
  key = await signingKey('k1');
  next = await signingKey('k2');
});

describe('remembered tokens', () => {
  it('are judged once, and again for another token', async () => {
    const verifier = createTokenVerifier(options(localIssuer([key])));
    const jwt = await token(key);
    const first = await verifier.verify(jwt);
    expect(await verifier.verify(jwt)).toBe(first);
    await verifier.verify(await token(key, { sub: 'bob' }));
    expect(verifier.stats()).toEqual({ hits: 1, misses: 2, joined: 0, entries: 2 });
  });

  it('concurrent calls share one verification', async () => {
    const verifier = createTokenVerifier(options(localIssuer([key])));
    const jwt = await token(key);
    const identities = await Promise.all(Array.from({ length: 50 }, () => verifier.verify(jwt)));
    expect(new Set(identities).size).toBe(1);
    expect(verifier.stats()).toMatchObject({ misses: 1, joined: 49 });
  });

  it('an entry never outlives exp minus the tolerance; beyond it the token is judged anew until it expires', async () => {
    const clock = clockAt();
    const verifier = createTokenVerifier(options(localIssuer([key], { clock_tolerance_s: 10 }), { clock_ms: clock.read }));
    const jwt = await token(key, { exp: NOW_S + 60 });
    await verifier.verify(jwt);
    clock.now_ms = NOW_MS + 49_999;
    await verifier.verify(jwt);
    expect(verifier.stats().hits).toBe(1);
    clock.now_ms = NOW_MS + 50_000;
    expect((await verifier.verify(jwt)).kind).toBe('VERIFIED');
    expect(verifier.stats()).toMatchObject({ hits: 1, misses: 2, entries: 0 });
    clock.now_ms = NOW_MS + 70_000;
    expect(await verifier.verify(jwt)).toMatchObject({ kind: 'INVALID', reason: 'expired' });
  });

  it('an entry has an age limit, and a clock that was set back does not stretch it', async () => {
    const clock = clockAt();
    const verifier = createTokenVerifier(options(localIssuer([key]), { clock_ms: clock.read, cache_age_max_ms: 1_000 }));
    const jwt = await token(key);
    await verifier.verify(jwt);
    clock.now_ms += 1_000;
    await verifier.verify(jwt);
    clock.now_ms -= 5_000;
    await verifier.verify(jwt);
    expect(verifier.stats()).toMatchObject({ hits: 0, misses: 3 });
  });

  it('a token that is no text, and a clock that throws, reject', async () => {
    const verifier = createTokenVerifier(options(localIssuer([key])));
    await expect(verifier.verify(undefined as unknown as string)).rejects.toThrow(TypeError);
    let isBroken = false;
    const clock_ms = (): number => {
      if (isBroken) throw new Error('no clock');
      return NOW_MS;
    };
    const other = createTokenVerifier(options(localIssuer([key]), { clock_ms }));
    const jwt = await token(key);
    await other.verify(jwt);
    isBroken = true;
    const asked = other.verify(jwt);
    await expect(asked).rejects.toThrow('no clock');
  });

  it('failures are not remembered', async () => {
    const clock = clockAt(NOW_MS - 100_000);
    const verifier = createTokenVerifier(options(localIssuer([key]), { clock_ms: clock.read }));
    const jwt = await token(key, { nbf: NOW_S });
    expect(await verifier.verify(jwt)).toMatchObject({ reason: 'not_yet_valid' });
    clock.now_ms = NOW_MS;
    expect((await verifier.verify(jwt)).kind).toBe('VERIFIED');
  });

  it('are bounded, least recently used first out', () => {
    const cache = createTokenCache<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([1, undefined, 3, 2]);
    const none = createTokenCache<number>(0);
    none.set('a', 1);
    expect(none.size).toBe(0);
  });
});

describe('the cache of tokens', () => {
  const step = fc.tuple(fc.constantFrom('get', 'get', 'set', 'delete'), fc.integer({ min: 0, max: 12 }));

  it('is bounded, and gives what was set last or nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 200 }), (entriesMax, steps) => {
        const cache = createTokenCache<number>(entriesMax);
        const last = new Map<string, number>();
        steps.forEach(([what, name], value) => {
          const digest = `d${name}`;
          if (what === 'get') {
            const found = cache.get(digest);
            if (found !== undefined) expect(found).toBe(last.get(digest));
          } else if (what === 'delete') {
            cache.delete(digest);
            last.delete(digest);
            expect(cache.get(digest)).toBe(undefined);
          } else {
            const sizeBefore = cache.size;
            cache.set(digest, value);
            last.set(digest, value);
            expect(cache.get(digest)).toBe(value);
            expect(cache.size).toBeGreaterThanOrEqual(sizeBefore);
          }
          expect(cache.size).toBeLessThanOrEqual(entriesMax);
        });
      }),
    );
  });

  it('keeps tokens that are in use while others pass through', () => {
    const cache = createTokenCache<number>(100);
    const inUse = Array.from({ length: 60 }, (_, i) => `used-${i}`);
    inUse.forEach((digest, i) => cache.set(digest, i));
    for (let i = 0; i < 10_000; i++) {
      cache.set(`once-${i}`, i);
      if (i % 20 === 0) for (const digest of inUse) expect(cache.get(digest)).toBeDefined();
    }
    expect(cache.size).toBe(100);
  });
});

describe('a remote key set', () => {
  const url = 'https://issuer.example/jwks';
  const remote = (keys: () => readonly SigningKey[] | null, calls: { n: number }) => ({
    issuer: localIssuer([], { jwks: { kind: 'remote', url, cooldown_ms: 0 } }),
    fetch: async (): Promise<Response> => {
      calls.n++;
      const now = keys();
      if (now === null) throw new TypeError('fetch failed');
      return Response.json({ keys: now.map((k) => k.jwk) });
    },
  });

  it('follows a rotation: a new key id fetches again, and the old key stops counting', async () => {
    const calls = { n: 0 };
    const clock = clockAt();
    let keys = [key];
    const { issuer, fetch } = remote(() => keys, calls);
    const verifier = createTokenVerifier(options(issuer, { fetch, clock_ms: clock.read, cache_age_max_ms: 10_000 }));
    const old = await token(key);
    expect((await verifier.verify(old)).kind).toBe('VERIFIED');
    keys = [next];
    expect((await verifier.verify(await token(next))).kind).toBe('VERIFIED');
    expect(calls.n).toBe(2);
    expect((await verifier.verify(old)).kind).toBe('VERIFIED'); // remembered, for at most cache_age_max_ms
    clock.now_ms += 10_000;
    expect(await verifier.verify(old)).toMatchObject({ kind: 'INVALID', reason: 'key_not_found' });
  });

  it('jwks_unavailable fails closed, is told apart, and is not remembered', async () => {
    const calls = { n: 0 };
    let keys: readonly SigningKey[] | null = null;
    const { issuer, fetch } = remote(() => keys, calls);
    const verifier = createTokenVerifier(options(issuer, { fetch }));
    const jwt = await token(key);
    expect(await verifier.verify(jwt)).toMatchObject({ kind: 'INVALID', reason: 'jwks_unavailable', actor: { actor_id: 'alice' } });
    keys = [key];
    expect((await verifier.verify(jwt)).kind).toBe('VERIFIED');
    expect(calls.n).toBe(2);
  });

  it('jwks_unavailable: not 200, not JSON, not a key set', async () => {
    for (const answer of [() => new Response('', { status: 503 }), () => new Response('<html>'), () => Response.json({ no: 'keys' })]) {
      const issuer = localIssuer([], { jwks: { kind: 'remote', url } });
      const verifier = createTokenVerifier(options(issuer, { fetch: async () => answer() }));
      expect(await verifier.verify(await token(key))).toMatchObject({ reason: 'jwks_unavailable' });
    }
  });

  it('a token of an issuer that is not configured fetches nothing', async () => {
    const calls = { n: 0 };
    const { issuer, fetch } = remote(() => [key], calls);
    const verifier = createTokenVerifier(options(issuer, { fetch }));
    await verifier.verify(await token(key, { iss: `${ISSUER}.evil.example` }));
    expect(calls.n).toBe(0);
  });
});
