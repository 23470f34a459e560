import type { LocalIssuer, TokenClaims } from '@sealtrail/examples/local-issuer';

/** Where a call comes from. Addresses are those kept for documentation (RFC 5737). */
export interface Caller {
  readonly address: string;
  readonly agent: string;
}

export interface Call {
  readonly from: Caller;
  readonly tenant: string;
  readonly method: string;
  /** `:any` stands for an invoice that was created before. */
  readonly path: string;
  /** null where nobody has signed in yet. */
  readonly token: string | null;
  readonly body?: string;
}

/** An alert that has to come of an attack, and no other: by the rule's id and name, with the tenant in whose log it stands. */
export interface ExpectedAlert {
  readonly rule_id: string;
  readonly rule: string;
  readonly tenant: string;
}

export interface Attack {
  readonly name: string;
  /** One after the other. */
  readonly calls: readonly Call[];
  readonly raises: readonly ExpectedAlert[];
}

export interface AttackOptions {
  readonly issuer: LocalIssuer;
  /** Claims the same name as `issuer` and signs with a key of its own. */
  readonly impostor: LocalIssuer;
}

/** Of whom a password is guessed. */
export const GUESSED = { name: 'clerk-9@acme', tenant: 'acme', roles: ['clerk'], password: 'invoices2026' } as const;
/** What a token that nobody can vouch for is logged under. */
export const NO_TENANT = 'platform';

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0';
const SCRIPT = 'python-requests/2.32';
const GUESSES = ['password', 'acme', 'acme2026', '123456', 'qwerty', 'summer', 'summer2026', 'letmein', 'clerk', 'clerk9', 'invoices'];

/** Attacks on the example API, each as small as it can be seen. */
export async function attacks({ issuer, impostor }: AttackOptions): Promise<readonly Attack[]> {
  const token = (claims: Partial<TokenClaims> & { readonly sub: string; readonly tenant: string }): Promise<string> =>
    issuer.token({ roles: ['admin'], scope: 'invoices', ...claims });
  const many = <T>(count: number, of: (n: number) => T): readonly T[] => Array.from({ length: count }, (_, n) => of(n));

  const guesser: Caller = { address: '203.0.113.66', agent: SCRIPT };
  const guess = (password: string): Call => ({
    from: guesser,
    tenant: GUESSED.tenant,
    method: 'POST',
    path: '/sessions',
    token: null,
    body: JSON.stringify({ name: GUESSED.name, password }),
  });

  const owner: Caller = { address: '198.51.100.40', agent: BROWSER };
  const thief: Caller = { address: '192.0.2.77', agent: 'curl/8.9' };
  const copied = await token({ sub: 'dana@globex', tenant: 'globex', roles: ['clerk'] });
  const reads = (from: Caller): Call => ({ from, tenant: 'globex', method: 'GET', path: '/invoices', token: copied });

  const mallory = await token({ sub: 'mallory@acme', tenant: 'acme', roles: ['viewer'] });
  const forgers: Caller = { address: '203.0.113.9', agent: SCRIPT };
  const forged = await Promise.all(
    ['admin-1@initech', 'admin-2@initech', 'admin-3@initech'].map((sub) =>
      impostor.token({ sub, tenant: 'initech', roles: ['admin'], scope: 'invoices' }),
    ),
  );
  const stale = await Promise.all(many(8, (n) => token({ sub: 'admin-3@globex', tenant: 'globex', expires_in_s: -600 * (n + 1) })));
  const leaving = await token({ sub: 'trent@globex', tenant: 'globex' });

  return [
    {
      name: 'a password is guessed, and the last guess is right',
      calls: [...GUESSES, GUESSED.password].map(guess),
      raises: [
        { rule: 'brute_force', rule_id: '449b6c3b-35fc-4284-8e99-ca6360332428', tenant: 'acme' },
        { rule: 'brute_force_success', rule_id: '7d1a415a-4225-43ae-98f2-3dbe536e29b4', tenant: 'acme' },
      ],
    },
    {
      name: 'a copied token is used from another network, by another program',
      calls: many(10, (n) => reads(n % 2 === 0 ? owner : thief)),
      raises: [{ rule: 'token_replay', rule_id: 'f50fdbfc-61c3-456a-9c22-08228f93afe0', tenant: 'globex' }],
    },
    {
      name: 'a viewer counts through invoices that are not hers to delete',
      calls: many(64, (n) => ({
        from: { address: '198.51.100.23', agent: BROWSER },
        tenant: 'acme',
        method: 'DELETE',
        path: `/invoices/inv-${n}`,
        token: mallory,
      })),
      raises: [{ rule: 'object_enumeration', rule_id: '1c48b27e-7a8b-4d6e-8344-91a4e2bed09f', tenant: 'acme' }],
    },
    {
      name: 'tokens are forged, in the names of three admins',
      calls: many(30, (n) => ({
        from: forgers,
        tenant: 'initech',
        method: 'GET',
        path: '/invoices',
        token: forged[n % forged.length] ?? null,
      })),
      raises: [{ rule: 'forged_tokens', rule_id: '079fd8f8-e661-4f4a-9638-63b502954efd', tenant: NO_TENANT }],
    },
    {
      name: 'somebody tries a collection of expired tokens',
      calls: many(24, (n) => ({
        from: { address: '203.0.113.140', agent: SCRIPT },
        tenant: 'globex',
        method: 'POST',
        path: '/invoices/export',
        token: stale[n % stale.length] ?? null,
      })),
      raises: [{ rule: 'expired_token_burst', rule_id: 'c7f9069f-2784-477c-9a22-c1cd1ea40305', tenant: NO_TENANT }],
    },
    {
      name: 'an admin who leaves exports everything, again and again',
      calls: many(42, () => ({
        from: { address: '198.51.100.51', agent: BROWSER },
        tenant: 'globex',
        method: 'POST',
        path: '/invoices/export',
        token: leaving,
      })),
      raises: [{ rule: 'mass_export_fast', rule_id: 'aba304f0-c8c1-4043-afed-c482dff50bfc', tenant: 'globex' }],
    },
  ];
}
