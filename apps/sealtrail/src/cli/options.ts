import { InvalidArgumentError } from 'commander';

/** An option that is a whole number, 0 or more. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('give a whole number, 0 or more.');
  return value;
}

/** A list with commas between: "a,b". */
export function commaList(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === '')) throw new InvalidArgumentError('give names with commas between.');
  return parts;
}
