/** Least recently used, bounded; keyed by the SHA-256 of a token, so that no token is kept. */
export interface TokenCache<T> {
  get(digest: string): T | undefined;
  set(digest: string, value: T): void;
  delete(digest: string): void;
  readonly size: number;
}

export function createTokenCache<T>(entriesMax: number): TokenCache<T> {
  // A Map keeps insertion order: the first key is the one used longest ago.
  const entries = new Map<string, T>();
  let newest: string | null = null;
  return {
    get(digest) {
      const value = entries.get(digest);
      if (value !== undefined && digest !== newest) {
        entries.delete(digest);
        entries.set(digest, value);
        newest = digest;
      }
      return value;
    },
    set(digest, value) {
      if (entriesMax === 0) return;
      entries.delete(digest);
      if (entries.size >= entriesMax) entries.delete(entries.keys().next().value as string);
      entries.set(digest, value);
      newest = digest;
    },
    delete(digest) {
      entries.delete(digest);
      if (newest === digest) newest = null;
    },
    get size() {
      return entries.size;
    },
  };
}
