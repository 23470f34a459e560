import { createHmac } from 'node:crypto';
import type { CryptoKey, JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { bearerToken, createPseudonyms, createTokenVerifier, type Identity } from '../src/index.ts';
import { createKeys } from '../src/key-source.ts';

// RFC 7515 A.2: {"iss":"joe","exp":1300819380,"http://example.com/is_root":true}
const A2_KEY: JWK = {
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
};
const A2_TOKEN =
  'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.' +
  'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw';
// RFC 7515 A.3, the same payload.
const A3_KEY: JWK = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};
const A3_TOKEN =
  'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.' +
  'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';

const judge = (key: JWK, algorithm: 'RS256' | 'ES256', jwt: string): Promise<Identity> =>
  createTokenVerifier({
    issuers: [{ issuer: 'joe', audience: 'x', jwks: { kind: 'local', jwks: { keys: [key] } }, algorithms: [algorithm] }],
    clock_ms: () => 1_300_819_000_000,
  }).verify(jwt);

describe('RFC 7515 examples', () => {
  // They carry neither aud nor sub, so a good signature gets as far as the audience, and a bad one does not.
  it.each([
    ['A.2 RS256', A2_KEY, 'RS256', A2_TOKEN],
    ['A.3 ES256', A3_KEY, 'ES256', A3_TOKEN],
  ] as const)('%s: the signature holds, and no longer when one letter differs', async (_name, key, algorithm, jwt) => {
    expect(await judge(key, algorithm, jwt)).toMatchObject({ kind: 'INVALID', reason: 'wrong_audience' });
    const at = jwt.length - 40;
    const altered = `${jwt.slice(0, at)}${jwt[at] === 'A' ? 'B' : 'A'}${jwt.slice(at + 1)}`;
    expect(await judge(key, algorithm, altered)).toMatchObject({ kind: 'INVALID', reason: 'signature_invalid' });
  });
});

describe('RFC 8037', () => {
  const A2: JWK = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

  it('A.3: the thumbprint of the Ed25519 key', async () => {
    const keys = createKeys({ kind: 'local', jwks: { keys: [A2] } }, undefined);
    const [key] = await keys.candidates({ alg: 'EdDSA' }, { payload: '', signature: '' });
    expect(await keys.thumbprint(key as CryptoKey)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
});

describe('pseudonyms', () => {
  const key = Buffer.alloc(32, 7);

  it('are the documented bytes', () => {
    const issuer = 'https://issuer.example';
    const message = Buffer.concat([
      Buffer.from('sealtrail/pseudonym/v1\0'),
      Buffer.from([0, 0, 0, issuer.length]),
      Buffer.from(issuer),
      Buffer.from('älice'),
    ]);
    const expected = createHmac('sha256', key).update(message).digest('hex').slice(0, 32);
    expect(createPseudonyms({ key_epoch: 3, key })(issuer, 'älice')).toBe(`p3:${expected}`);
  });

  it('keep issuer and subject apart, and no issuer from an empty one', () => {
    const pseudonym = createPseudonyms({ key_epoch: 1, key });
    expect(new Set([pseudonym('ab', 'c'), pseudonym('a', 'bc'), pseudonym('', 'abc'), pseudonym(null, 'abc')]).size).toBe(4);
  });

  it('refuse a short key and an epoch that is none', () => {
    expect(() => createPseudonyms({ key_epoch: 1, key: Buffer.alloc(31) })).toThrow('31 bytes');
    expect(() => createPseudonyms({ key_epoch: 0, key })).toThrow('key_epoch');
  });
});

describe('bearerToken (RFC 6750 2.1)', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer  abc ', 'abc'],
    ['Basic abc', null],
    ['Bearer', null],
    ['Bearer ', null],
    ['', null],
    [null, null],
    [undefined, null],
  ])('%j → %j', (header, token) => expect(bearerToken(header)).toBe(token));
});
