import { hexOf } from '@sealtrail/merkle';

/** The database that holds everything of a ledger. */
export const DATABASE = 'sealtrail';

/** A name as SQL. Names come from schemas and from this package, never from outside. */
export function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`"${name.slice(0, 40)}" cannot be a column or a table`);
  return `\`${name}\``;
}

/** A table or view of the ledger's database. */
export const table = (name: string): string => `${DATABASE}.${identifier(name)}`;

/** Bytes as SQL: hex has no character that could end the literal, whatever the bytes are. */
export const bytesLiteral = (bytes: Uint8Array): string => `unhex('${hexOf(bytes)}')`;

/** FixedString(n) of bytes. */
export const fixedLiteral = (bytes: Uint8Array): string => `toFixedString(${bytesLiteral(bytes)}, ${bytes.length})`;

/** A text from outside as SQL: as hex, so that there is nothing to escape. */
export const textLiteral = (text: string): string => bytesLiteral(new TextEncoder().encode(text));

/** Array(Int64). */
export const numbersLiteral = (values: readonly number[]): string => `CAST([${values.map(wholeNumber).join(', ')}], 'Array(Int64)')`;

/** A text of this package's own (documentation, symbols) as SQL. */
export const quoted = (text: string): string => `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;

/** A whole number as SQL, as a call so that a negative one is one value wherever it stands. Throws RangeError for another. */
export const numberLiteral = (value: number): string => `toInt64(${wholeNumber(value)})`;

function wholeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number that SQL can be given`);
  return String(value);
}
