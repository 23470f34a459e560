/** Bounded; what was not used for longest goes first, nearly. Keyed by the SHA-256 of a token, so that no token is kept. */
export interface TokenCache<T> {
  get(digest: string): T | undefined;
  set(digest: string, value: T): void;
  delete(digest: string): void;
  readonly size: number;
}

interface Entry<T> {
  readonly value: T;
  wasUsed: boolean;
}

/**
 * Second chance: a hit marks its entry and moves nothing. Where room is wanted, marked entries lose their mark and go to the
 * back, and the first without one goes. Every step of that search was paid for by a hit.
 */
export function createTokenCache<T>(entriesMax: number): TokenCache<T> {
  // A Map keeps insertion order: the hand of the clock stands at its first key.
  const entries = new Map<string, Entry<T>>();
  const evictOne = (): void => {
    for (const [digest, entry] of entries) {
      entries.delete(digest);
      if (!entry.wasUsed) return;
      entry.wasUsed = false;
      entries.set(digest, entry);
    }
  };
  return {
    get(digest) {
      const entry = entries.get(digest);
      if (entry === undefined) return undefined;
      entry.wasUsed = true;
      return entry.value;
    },
    set(digest, value) {
      if (entriesMax === 0) return;
      entries.delete(digest);
      if (entries.size >= entriesMax) evictOne();
      entries.set(digest, { value, wasUsed: false });
    },
    delete(digest) {
      entries.delete(digest);
    },
    get size() {
      return entries.size;
    },
  };
}
