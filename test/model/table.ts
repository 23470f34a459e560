/**
 * The states seen, as bytes one after the other, found by open addressing. Two states are one only when all their bytes
 * are equal: no state is missed for a collision of hashes.
 */
export interface StateTable {
  readonly size: number;
  /** Where the states stand. Another array after a state was added. */
  readonly bytes: Uint8Array;
  offsetOf(state: number): number;
  /** The state that this one was first reached from, -1 for the first. */
  parentOf(state: number): number;
  /** True when it was not there before. */
  add(packed: Uint8Array, length: number, parent: number): boolean;
  equals(state: number, packed: Uint8Array, length: number): boolean;
}

export function createStateTable(stateBytesMax: number): StateTable {
  let bytes = new Uint8Array(1 << 20);
  let ends = new Float64Array(1 << 12); // where each state ends: past 2^32 with the largest bounds
  let parents = new Int32Array(1 << 12);
  let hashes = new Uint32Array(1 << 12);
  let slots = new Int32Array(1 << 14).fill(-1);
  let size = 0;

  const startOf = (state: number): number => (state === 0 ? 0 : (ends[state - 1] as number));
  const equals = (state: number, packed: Uint8Array, length: number): boolean => {
    const start = startOf(state);
    if ((ends[state] as number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== packed[i]) return false;
    return true;
  };
  const rehash = (): void => {
    slots = new Int32Array(slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let state = 0; state < size; state++) {
      let slot = (hashes[state] as number) & mask;
      while (slots[slot] !== -1) slot = (slot + 1) & mask;
      slots[slot] = state;
    }
  };

  return {
    get size() {
      return size;
    },
    get bytes() {
      return bytes;
    },
    offsetOf: startOf,
    parentOf: (state) => parents[state] as number,
    equals,
    add(packed, length, parent) {
      const hash = hashOf(packed, length);
      const mask = slots.length - 1;
      let slot = hash & mask;
      for (let state = slots[slot] as number; state !== -1; state = slots[slot] as number) {
        if (hashes[state] === hash && equals(state, packed, length)) return false;
        slot = (slot + 1) & mask;
      }
      const start = size === 0 ? 0 : (ends[size - 1] as number);
      if (start + stateBytesMax > bytes.length) bytes = grown(bytes, new Uint8Array(bytes.length * 2));
      if (size === parents.length) {
        ends = grown(ends, new Float64Array(size * 2));
        parents = grown(parents, new Int32Array(size * 2));
        hashes = grown(hashes, new Uint32Array(size * 2));
      }
      for (let i = 0; i < length; i++) bytes[start + i] = packed[i] as number;
      ends[size] = start + length;
      parents[size] = parent;
      hashes[size] = hash;
      slots[slot] = size;
      size++;
      if (size * 2 > slots.length) rehash();
      return true;
    },
  };
}

function grown<T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from as never);
  return to;
}

/** FNV-1a with a last mix (the finaliser of MurmurHash3), so that low bits depend on all bytes. */
function hashOf(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
