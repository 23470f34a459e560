/**
 * Counts offsets and adds up a mix of each, so that it can be told in constant memory whether exactly the offsets of a range
 * were seen, each once. The mix is no hash against an attacker: what is counted was bound by hashes before.
 */
export class OffsetTally {
  #count = 0;
  #first = 0;
  #second = 0;

  add(offset: number): void {
    this.#count++;
    this.#first = (this.#first + mix(offset, 0x9e3779b1)) >>> 0;
    this.#second = (this.#second + mix(offset, 0x85ebca77)) >>> 0;
  }

  /** Whether the offsets were those of [from, to), each once. */
  isExactly(from: number, to: number): boolean {
    if (this.#count !== to - from) return false;
    const expected = new OffsetTally();
    for (let offset = from; offset < to; offset++) expected.add(offset);
    return expected.#first === this.#first && expected.#second === this.#second;
  }
}

function mix(offset: number, factor: number): number {
  let value = Math.imul((offset % 4_294_967_296) ^ Math.imul(Math.floor(offset / 4_294_967_296) + 1, 0xc2b2ae3d), factor);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  value = Math.imul(value ^ (value >>> 12), 0x297a2d39);
  return (value ^ (value >>> 15)) >>> 0;
}
