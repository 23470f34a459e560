/** What the engine reports, as the port's codes. Its text may quote the statement or a row: none of it goes into a message. */
import { LedgerStoreError } from '@sealtrail/ledger-store';

/** ClickHouse's error codes that mean something here (its src/Common/ErrorCodes.cpp). */
const NOT_ENOUGH_SPACE = 243;
const VIOLATED_CONSTRAINT = 469;
const CANNOT_READ: readonly number[] = [
  33, // CANNOT_READ_ALL_DATA
  40, // CHECKSUM_DOESNT_MATCH
  117, // INCORRECT_DATA
  228, // BAD_DATA_PART_NAME
  232, // NO_FILE_IN_DATA_PART
  246, // CORRUPTED_DATA
  271, // CANNOT_DECOMPRESS
];

export const engineCode = (error: unknown): number | undefined => (error as { clickhouseCode?: number }).clickhouseCode;

export const engineText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The engine's own word for an error of its kind, such as CHECKSUM_DOESNT_MATCH. */
const kindOf = (text: string): string => /\(([A-Z][A-Z0-9_]+)\)\s*$/.exec(text.trim())?.[1] ?? 'UNKNOWN';

const isNoSpace = (error: unknown): boolean =>
  engineCode(error) === NOT_ENOUGH_SPACE || /No space left on device|ENOSPC|errno: 28\b/i.test(engineText(error));

/** A CHECK found a row whose columns do not give its hash. */
export class ConstraintViolated extends LedgerStoreError {
  constructor(cause: unknown) {
    const row = /violated at row (\d+)/.exec(engineText(cause))?.[1] ?? 'one';
    super('store_corrupt', `the engine refused row ${row} of an insert: its columns do not recompute to its hash; nothing was stored`, {
      cause,
    });
  }
}

export function engineError(cause: unknown): LedgerStoreError {
  if (cause instanceof LedgerStoreError) return cause;
  const code = engineCode(cause);
  if (code === VIOLATED_CONSTRAINT) return new ConstraintViolated(cause);
  if (isNoSpace(cause))
    return new LedgerStoreError('store_no_space', 'the disk of the ledger store is full: make room, then start again', { cause });
  const kind = kindOf(engineText(cause));
  if (code !== undefined && CANNOT_READ.includes(code)) {
    return new LedgerStoreError('store_corrupt', `the engine cannot read a part of the store (${kind}): restore it from a backup`, {
      cause,
    });
  }
  return new LedgerStoreError('store_unavailable', `the engine failed (${kind}, code ${code ?? 'none'}): see the cause, then start again`, {
    cause,
  });
}

/** Why no connection could be had. */
export function connectionError(folder: string, cause: unknown): LedgerStoreError {
  if (/one active data directory|Cannot open a session at/i.test(engineText(cause))) {
    return new LedgerStoreError('store_in_use', `${folder}: this process has a store open in another folder; close that one first`, {
      cause,
    });
  }
  if (isNoSpace(cause)) return engineError(cause);
  return new LedgerStoreError(
    'store_unavailable',
    `${folder}: the store cannot be opened; check that no other process has it open, that it can be written to, and that there is room`,
    {
      cause,
    },
  );
}

export const inUseError = (folder: string, holder: number): LedgerStoreError =>
  new LedgerStoreError('store_in_use', `${folder}: process ${holder} has this store open; stop it, or ask it instead`);
