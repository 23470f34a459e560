import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** Who may sign in, and as what. */
export interface Account {
  readonly tenant: string;
  readonly roles: readonly string[];
}

/** What a name and a password come to. */
export type Checked =
  | { readonly kind: 'accepted'; readonly account: Account }
  /** null for a name that nobody has. */
  | { readonly kind: 'refused'; readonly account: Account | null };

export interface Accounts {
  check(name: string, password: string): Promise<Checked>;
}

interface Kept {
  readonly account: Account;
  readonly salt: Uint8Array;
  readonly hash: Buffer;
}

const HASH_BYTES = 32;
const SALT_BYTES = 16;

/** Accounts with passwords, in memory: the part of the sign-in that has nothing to do with auditing. */
export async function createAccounts(
  accounts: readonly (Account & { readonly name: string; readonly password: string })[],
): Promise<Accounts> {
  const kept = new Map<string, Kept>();
  for (const { name, password, tenant, roles } of accounts) {
    const salt = randomBytes(SALT_BYTES);
    kept.set(name, { account: { tenant, roles }, salt, hash: await hashOf(password, salt) });
  }
  // An unknown name costs as much as a known one, so that nobody learns names by the time of the answer.
  const nobody = randomBytes(SALT_BYTES);
  return {
    async check(name, password) {
      const found = kept.get(name);
      const hash = await hashOf(password, found?.salt ?? nobody);
      if (found === undefined) return { kind: 'refused', account: null };
      return { kind: timingSafeEqual(hash, found.hash) ? 'accepted' : 'refused', account: found.account };
    },
  };
}

const hashOf = (password: string, salt: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
