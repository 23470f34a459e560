/** Kafka's flexible encoding (KIP-482): lengths are variable, one more than they say, and tagged fields end a structure. */

export class FlexibleWriter {
  readonly #parts: Buffer[] = [];

  int8(value: number): this {
    return this.#number(1, (bytes) => bytes.writeInt8(value));
  }
  int32(value: number): this {
    return this.#number(4, (bytes) => bytes.writeInt32BE(value));
  }
  int64(value: number): this {
    return this.#number(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));
  }
  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value));
    return this;
  }
  length(value: number): this {
    const bytes: number[] = [];
    let rest = value + 1;
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
    return this.bytes(Uint8Array.from(bytes));
  }
  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    return this.length(bytes.length).bytes(bytes);
  }
  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.length(items.length);
    for (const item of items) write(item);
    return this;
  }
  noTags(): this {
    return this.int8(0);
  }
  /** As kafkajs takes the body of a request. */
  body(): { readonly buf: Buffer; readonly buffer: Buffer } {
    const buffer = Buffer.concat(this.#parts);
    return { buf: buffer, buffer };
  }

  #number(size: number, write: (bytes: Buffer) => void): this {
    const bytes = Buffer.alloc(size);
    write(bytes);
    this.#parts.push(bytes);
    return this;
  }
}

/** Throws RangeError where the bytes end too early. */
export class FlexibleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  boolean(): boolean {
    return this.#bytes.readInt8(this.#step(1)) !== 0;
  }
  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2));
  }
  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4));
  }
  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#step(8)));
  }
  bytes(size: number): Buffer {
    const from = this.#step(size);
    return this.#bytes.subarray(from, from + size);
  }
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#step(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
      if (shift >= 28) throw new RangeError('a length of more than five bytes');
    }
  }
  /** -1 is null. */
  length(): number {
    return this.varint() - 1;
  }
  nullableBytes(): Buffer | null {
    const length = this.length();
    return length < 0 ? null : this.bytes(length);
  }
  nullableString(): string | null {
    return this.nullableBytes()?.toString('utf8') ?? null;
  }
  array<T>(read: () => T): readonly T[] {
    const items: T[] = [];
    for (let left = this.length(); left > 0; left -= 1) items.push(read());
    return items;
  }
  skipTags(): void {
    for (let left = this.varint(); left > 0; left -= 1) {
      this.varint();
      this.bytes(this.varint());
    }
  }

  #step(size: number): number {
    const from = this.#at;
    if (from + size > this.#bytes.length) throw new RangeError(`an answer of ${this.#bytes.length} bytes ends within a field`);
    this.#at += size;
    return from;
  }
}
