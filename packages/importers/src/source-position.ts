import type { Sha256 } from '@sealtrail/merkle';
import { eventIdOf } from './cloudtrail/mapping.ts';
import type { SourceRecord } from './source-records.ts';

/**
 * How far a source was imported. It is the value of the source's position in the event log, written in the same append as
 * the batch that it covers. docs/importing-cloudtrail.md, "Running it again".
 */
export interface ImportPosition {
  /** Records, bad ones too, that the position covers: the first n of the source. */
  readonly records: number;
  /** The covered records' ids, chained. */
  readonly chain: Uint8Array;
  /** Places, from 0, of covered records that were rejected when they were covered: the chain counts them as without id. */
  readonly rejected: readonly number[];
  /** Those of them that were mended and imported since. */
  readonly mended: readonly number[];
}

/** More rejected places than this are not remembered; a file with so many bad lines is not CloudTrail. */
export const REJECTED_KEPT_MAX = 1_024;

const VERSION = 1;
const CHAIN_BYTES = 32;
const NO_ID = new Uint8Array(1);

export const START: ImportPosition = { records: 0, chain: new Uint8Array(CHAIN_BYTES), rejected: [], mended: [] };

/** The source's name in the event log: tenant and the id of the first event. A file is known by what is in it, not by its path. */
export const sourceName = (tenant: string, first_event_id: Uint8Array): string =>
  `cloudtrail/${tenant}/${Buffer.from(first_event_id).toString('hex')}`;

export const positionText = (position: ImportPosition): string =>
  JSON.stringify({
    version: VERSION,
    records: position.records,
    chain: Buffer.from(position.chain).toString('hex'),
    rejected: position.rejected,
    mended: position.mended,
  });

/** null when the text is not a position of this version. */
export function parsePosition(text: string): ImportPosition | null {
  let value: Partial<Record<'version' | 'records' | 'chain' | 'rejected' | 'mended', unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return null;
  }
  const { version, records, chain, rejected, mended } = value ?? {};
  if (version !== VERSION || !isCount(records) || !isPlaces(rejected) || !isPlaces(mended)) return null;
  if (typeof chain !== 'string' || !/^[0-9a-f]{64}$/.test(chain)) return null;
  return { records, chain: Buffer.from(chain, 'hex'), rejected, mended };
}

const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
const isPlaces = (list: unknown): list is number[] => Array.isArray(list) && list.every(isCount);

/** The next link: SHA-256(chain ‖ the record's 16 id bytes), or one zero byte for a record that was rejected. */
export const chained = (sha256: Sha256, chain: Uint8Array, id: Uint8Array | null): Uint8Array =>
  sha256.digest(Buffer.concat([chain, id ?? NO_ID]));

/** The id that a record is known by; null for one that has none. */
export const idOf = (record: SourceRecord): Uint8Array | null => (record.kind === 'value' ? eventIdOf(record.value) : null);
