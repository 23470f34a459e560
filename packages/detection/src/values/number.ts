const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NUMBER_CHARACTERS_MAX = 64;

/** A value as a number: a number, or a text that is one in decimals; null for anything else. */
export function numberOf(value: string | number | boolean | null): number | null {
  if (typeof value === 'number') return Number.isNaN(value) ? null : value;
  return typeof value === 'string' && value.length <= NUMBER_CHARACTERS_MAX && DECIMAL.test(value) ? Number(value) : null;
}
