import type { Sha256 } from '@sealtrail/merkle';
import type { KeyRecord } from '@sealtrail/wire';

const todo = (): never => {
  throw new Error('not written yet');
};

/**
 * The key registry as far as its stream was read: record n of the stream is key record n. Immutable. A record that does
 * not parse, or whose key_id is not its key's thumbprint, keeps its place and has no effect.
 */
export interface Registry {
  readonly size: number;
  /** RFC 9162 root over the key records' leaf hashes. */
  readonly root: Uint8Array;
  /** The records' bytes, in order. */
  readonly records: readonly Uint8Array[];
  /** Every REGISTER and REVOKE record of the key, in order. */
  recordsOf(keyId: Uint8Array): readonly KeyRecord[];
}
export const emptyRegistry = (sha256: Sha256): Registry => (void sha256, todo());
export const extendRegistry = (sha256: Sha256, registry: Registry, records: readonly Uint8Array[]): Registry => (
  void sha256, void registry, void records, todo()
);
/** The registry as it was at `size`. */
export const registryAt = (sha256: Sha256, registry: Registry, size: number): Registry => (void sha256, void registry, void size, todo());
