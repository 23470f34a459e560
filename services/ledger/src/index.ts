export type { Claim } from './claim.ts';
export { commitRound, type RoundOutcome } from './commit-round.ts';
export { createLedger, type Ledger, type LedgerEnd, type LedgerOptions } from './ledger.ts';
export { ledgerLog } from './ledger-log.ts';
export { type CommitMetadata, formatCommitMetadata, parseCommitMetadata } from './metadata.ts';
export * from './ports.ts';
