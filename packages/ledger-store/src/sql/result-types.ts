/** ClickHouse type names, as far as answers to analysts may have them. */

/** A type, taken apart: `FixedString(16)` has the name FixedString and the argument 16. */
export interface ResultType {
  readonly name: string;
  readonly types: readonly ResultType[];
  /** Names of a tuple's elements; null when they have none. */
  readonly names: readonly string[] | null;
  /** Size, precision or scale. */
  readonly numbers: readonly number[];
  /** Of an enum. */
  readonly symbols: ReadonlyMap<number, string>;
}

class TypeText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(): ResultType {
    const name = this.#match(/[A-Za-z][A-Za-z0-9]*/y);
    if (name === null) throw new RangeError('no type');
    const types: ResultType[] = [];
    const names: string[] = [];
    const numbers: number[] = [];
    const symbols = new Map<number, string>();
    if (this.#match(/\s*\(\s*/y) !== null) {
      while (this.#match(/\s*\)/y) === null) {
        this.#argument(name, types, names, numbers, symbols);
        this.#match(/\s*,\s*/y);
      }
    }
    return { name, types, names: names.length === types.length && names.length > 0 ? names : null, numbers, symbols };
  }

  #argument(name: string, types: ResultType[], names: string[], numbers: number[], symbols: Map<number, string>): void {
    const quotedText = this.#match(/'(?:[^'\\]|\\.)*'/sy);
    if (quotedText !== null) {
      const value = this.#match(/\s*=\s*-?\d+/y);
      // Without a value it is a time zone.
      if (value !== null) symbols.set(Number(value.replace('=', '')), unquoted(quotedText));
      return;
    }
    const number = this.#match(/-?\d+/y);
    if (number !== null) {
      numbers.push(Number(number));
      return;
    }
    if (name === 'Tuple' || name === 'Nested') {
      const element = this.#match(/`(?:[^`\\]|\\.)*`(?=\s)/sy) ?? this.#match(/[A-Za-z_][A-Za-z0-9_]*(?=\s+[A-Za-z`])/y);
      if (element !== null) {
        names.push(element.startsWith('`') ? unquoted(element) : element);
        this.#match(/\s+/y);
      }
    }
    types.push(this.type());
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }
}

const unquoted = (text: string): string =>
  text
    .slice(1, -1)
    .replace(/\\(.)/gs, (_, character: string) => ({ n: '\n', t: '\t', r: '\r', '0': '\0', b: '\b', f: '\f' })[character] ?? character);

/** Throws RangeError for a text that is no type. */
export const parseResultType = (text: string): ResultType => new TypeText(text).type();
