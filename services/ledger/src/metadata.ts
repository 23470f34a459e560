import { hexOf } from '@sealtrail/merkle';

/**
 * What stands beside the committed offset: `v1 <claim> <ordinal> <from> <to> <round hash>`, hashes in hex. It is read by
 * whoever owns the partition next. docs/spec/commit.md
 */
export interface CommitMetadata {
  /** 16 bytes. */
  readonly claim: Uint8Array;
  readonly ordinal: number;
  /** Start of the claim. */
  readonly from: number;
  /** The committed offset. */
  readonly to: number;
  readonly round_hash: Uint8Array;
}

const FORM = /^v1 ([0-9a-f]{32}) (\d{1,16}) (\d{1,16}) (\d{1,16}) ([0-9a-f]{64})$/;

export const formatCommitMetadata = (m: CommitMetadata): string =>
  `v1 ${hexOf(m.claim)} ${m.ordinal} ${m.from} ${m.to} ${hexOf(m.round_hash)}`;

/** null for what this ledger did not write. */
export function parseCommitMetadata(text: string): CommitMetadata | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, claim, ordinal, from, to, hash] = match as unknown as [string, string, string, string, string, string];
  const metadata = { claim: unhex(claim), ordinal: Number(ordinal), from: Number(from), to: Number(to), round_hash: unhex(hash) };
  return [metadata.ordinal, metadata.from, metadata.to].every(Number.isSafeInteger) ? metadata : null;
}

const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
