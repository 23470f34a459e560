/** A stretch of bytes that should be one JSON value, or the place of one that cannot be. */
export type JsonPiece =
  | { readonly kind: 'line' | 'element'; readonly line: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fault'; readonly line: number; readonly reason: string };

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

const HEAD_BYTES = 256;
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';
const DOCUMENT = /^\s*\{\s*"Records"\s*:\s*\[/;
const LIST = /^\s*\[/;
const RECORDS_NAME = /"Records"\s*:\s*$/;

/** Takes bytes as they come and gives out whole pieces. */
interface Splitter {
  take(chunk: Uint8Array): readonly JsonPiece[];
  end(): readonly JsonPiece[];
}

/** Splits a stream into lines, or into the elements of the lists of its documents: the first bytes tell which. */
export async function* splitJson(chunks: AsyncIterable<Uint8Array>, bytes_max: number): AsyncGenerator<JsonPiece, void, undefined> {
  let head = Buffer.alloc(0);
  let splitter: Splitter | null = null;
  for await (const chunk of chunks) {
    if (splitter !== null) yield* splitter.take(chunk);
    else {
      head = Buffer.concat([head, chunk]);
      if (head.length < HEAD_BYTES) continue;
      splitter = splitterFor(head, bytes_max);
      yield* splitter.take(withoutMark(head));
    }
  }
  if (splitter === null) {
    splitter = splitterFor(head, bytes_max);
    yield* splitter.take(withoutMark(head));
  }
  yield* splitter.end();
}

const withoutMark = (head: Buffer): Uint8Array => (head.toString('latin1', 0, 3) === BYTE_ORDER_MARK ? head.subarray(3) : head);

function splitterFor(head: Buffer, bytes_max: number): Splitter {
  const text = Buffer.from(withoutMark(head)).toString('latin1', 0, HEAD_BYTES);
  if (DOCUMENT.test(text)) return new ElementSplitter(bytes_max, 'documents');
  return LIST.test(text) ? new ElementSplitter(bytes_max, 'one_list') : new LineSplitter(bytes_max);
}

/** Bytes of one piece, up to a limit; what is longer is counted and forgotten, so that no line can fill the memory. */
class PieceBuffer {
  readonly #bytes_max: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
  }

  add(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length <= this.#bytes_max) this.#parts.push(part);
    else this.#parts = [];
  }

  /** null when the piece was too long. Empties the buffer. */
  take(): Uint8Array | null {
    const whole = this.#length > this.#bytes_max ? null : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return whole;
  }
}

const tooLong = (line: number, bytes_max: number): JsonPiece => ({ kind: 'fault', line, reason: `it is longer than ${bytes_max} bytes` });

class LineSplitter implements Splitter {
  readonly #bytes_max: number;
  readonly #buffer: PieceBuffer;
  #line = 1;

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
    this.#buffer = new PieceBuffer(bytes_max);
  }

  take(chunk: Uint8Array): readonly JsonPiece[] {
    const pieces: JsonPiece[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.#buffer.add(chunk.subarray(from, at));
      pieces.push(...this.end());
      this.#line++;
      from = at + 1;
    }
    this.#buffer.add(chunk.subarray(from));
    return pieces;
  }

  end(): readonly JsonPiece[] {
    const bytes = this.#buffer.take();
    if (bytes === null) return [tooLong(this.#line, this.#bytes_max)];
    return bytes.every(isSpace) ? [] : [{ kind: 'line', line: this.#line, bytes }];
  }
}

/** Follows strings and brackets, no more: whether an element is JSON is for the parser to say. */
class ElementSplitter implements Splitter {
  readonly #bytes_max: number;
  readonly #mode: 'documents' | 'one_list';
  readonly #buffer: PieceBuffer;
  #where: 'before_list' | 'in_list' | 'in_element' | 'after_all' = 'before_list';
  #depth = 0;
  #string: 'no' | 'yes' | 'escaped' = 'no';
  #count = 0;
  /** The last bytes before a list, to see whether it is called Records. */
  #tail = '';

  constructor(bytes_max: number, mode: 'documents' | 'one_list') {
    this.#bytes_max = bytes_max;
    this.#mode = mode;
    this.#buffer = new PieceBuffer(bytes_max);
  }

  take(chunk: Uint8Array): readonly JsonPiece[] {
    const pieces: JsonPiece[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#where === 'in_element') {
        if (this.#endsElement(byte)) {
          // A bracket that closes the element belongs to it; a comma or the list's end does not.
          const isOwn = byte === CLOSE_OBJECT || (byte === CLOSE_LIST && this.#depth === 0);
          this.#buffer.add(chunk.subarray(from, isOwn ? at + 1 : at));
          pieces.push(this.#element());
          if (!isOwn && byte === CLOSE_LIST) this.#leaveList();
          else this.#where = 'in_list';
        }
      } else if (this.#where === 'in_list') {
        if (byte === CLOSE_LIST) this.#leaveList();
        else if (byte !== COMMA && !isSpace(byte)) {
          this.#where = 'in_element';
          this.#depth = 0;
          this.#string = 'no';
          from = at;
          this.#follow(byte);
        }
      } else if (this.#where === 'before_list') this.#lookForList(byte);
    }
    if (this.#where === 'in_element') this.#buffer.add(chunk.subarray(from));
    return pieces;
  }

  end(): readonly JsonPiece[] {
    if (this.#where === 'in_element' || this.#where === 'in_list') {
      return [{ kind: 'fault', line: this.#count + 1, reason: 'the document ends before its list does' }];
    }
    return [];
  }

  #element(): JsonPiece {
    this.#count++;
    const bytes = this.#buffer.take();
    return bytes === null ? tooLong(this.#count, this.#bytes_max) : { kind: 'element', line: this.#count, bytes };
  }

  /** Takes one byte of an element in; true when it ends it. */
  #endsElement(byte: number): boolean {
    if (this.#string !== 'no' || this.#depth > 0) {
      this.#follow(byte);
      return this.#depth === 0 && this.#string === 'no' && (byte === CLOSE_OBJECT || byte === CLOSE_LIST);
    }
    if (byte === COMMA || byte === CLOSE_LIST) {
      if (byte === CLOSE_LIST) this.#depth = -1; // the list's bracket, not the element's
      return true;
    }
    this.#follow(byte);
    return false;
  }

  #follow(byte: number): void {
    if (this.#string === 'escaped') this.#string = 'yes';
    else if (this.#string === 'yes') {
      if (byte === BACKSLASH) this.#string = 'escaped';
      else if (byte === QUOTE) this.#string = 'no';
    } else if (byte === QUOTE) this.#string = 'yes';
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) this.#depth--;
  }

  #leaveList(): void {
    this.#where = this.#mode === 'one_list' ? 'after_all' : 'before_list';
    this.#tail = '';
  }

  #lookForList(byte: number): void {
    if (byte === OPEN_LIST && (this.#mode === 'one_list' || RECORDS_NAME.test(this.#tail))) this.#where = 'in_list';
    else this.#tail = (this.#tail + String.fromCharCode(byte)).slice(-64);
  }
}
