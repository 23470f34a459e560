/**
 * SQL functions that give Avro's canonical bytes of one value. The engine copies their text into whatever names them when
 * that is created, so a CHECK keeps the one that it was made with.
 */

/** A varint of an unsigned number, shortest form, up to ten bytes. `u` is named often: pass what was computed already. */
function varint(u: string): string {
  const low7 = (byte: number): string => (byte === 0 ? u : `bitShiftRight(${u}, ${7 * byte})`);
  const short = [1, 2, 3].map((bytes) => {
    const parts = Array.from({ length: bytes }, (_, i) => (i < bytes - 1 ? `bitOr(${low7(i)}, 128)` : low7(i)));
    return `${u} < ${2 ** (7 * bytes)}, char(${parts.join(', ')})`;
  });
  // Beyond three bytes: all ten, each continued when more bits follow, cut to those that are needed.
  const more = (byte: number): string => `(${u} >= ${1n << BigInt(7 * byte)})`;
  const all = Array.from({ length: 10 }, (_, i) =>
    i < 3 ? `bitOr(${low7(i)}, 128)` : i < 9 ? `bitOr(bitAnd(${low7(i)}, 127), if(${more(i + 1)}, 128, 0))` : low7(i),
  );
  const length = `4 + ${[4, 5, 6, 7, 8, 9].map(more).join(' + ')}`;
  return `multiIf(${short.join(', ')}, substring(char(${all.join(', ')}), 1, ${length}))`;
}

/**
 * A length: never negative. Up to 2^20 (3 bytes), far above what an event or a record holds; of a longer text the bytes are
 * none that were ever hashed, so its hash differs all the same.
 */
function lengthVarint(n: string): string {
  const low7 = (byte: number): string => (byte === 0 ? `${n} * 2` : `bitShiftRight(${n}, ${7 * byte - 1})`);
  const branch = (bytes: number): string =>
    `char(${Array.from({ length: bytes }, (_, i) => (i < bytes - 1 ? `bitOr(${low7(i)}, 128)` : low7(i))).join(', ')})`;
  return `multiIf(${[1, 2].map((bytes) => `${n} < ${2 ** (7 * bytes - 1)}, ${branch(bytes)}`).join(', ')}, ${branch(3)})`;
}

export interface SqlFunction {
  readonly name: string;
  readonly parameters: string;
  readonly body: string;
}

/** In the order in which they build on each other. */
export const sqlFunctions = (): readonly SqlFunction[] => [
  { name: 'sealtrail_varint', parameters: 'u', body: varint('u') },
  { name: 'sealtrail_zigzag', parameters: 'x', body: 'reinterpretAsUInt64(bitXor(bitShiftLeft(x, 1), bitShiftRight(x, 63)))' },
  {
    name: 'sealtrail_long',
    parameters: 'x',
    // Lambdas are macros too: arrayMap over one element computes the zigzag value once.
    body: 'arrayElement(arrayMap(u -> sealtrail_varint(u), [sealtrail_zigzag(toInt64(x))]), 1)',
  },
  { name: 'sealtrail_length', parameters: 'n', body: lengthVarint('n') },
  { name: 'sealtrail_string', parameters: 's', body: 'concat(sealtrail_length(length(s)), s)' },
  { name: 'sealtrail_enum', parameters: 'e', body: 'char(2 * toInt8(e))' },
  {
    name: 'sealtrail_map',
    parameters: 'm',
    body: 'if(empty(m), char(0), concat(sealtrail_length(length(m)), arrayStringConcat(arrayMap((k, v) -> concat(sealtrail_string(k), sealtrail_string(v)), mapKeys(m), mapValues(m))), char(0)))',
  },
];

/** Statements that make or renew the functions. */
export const functionStatements = (): readonly string[] =>
  sqlFunctions().map(({ name, parameters, body }) => `CREATE OR REPLACE FUNCTION ${name} AS (${parameters}) -> ${body}`);
