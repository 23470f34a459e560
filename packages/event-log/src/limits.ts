import { EventLogError, type ReadLimits } from './port.ts';

/** Longest metadata of a commit, in characters: Kafka's `offset.metadata.max.bytes` default. */
export const commit_metadata_chars_max = 4096;

/** Largest value that an adapter takes, in bytes: above the 512 KiB of a batch, within Kafka's `message.max.bytes` default. */
export const record_value_bytes_max: number = 1024 * 1024;

/** Throws `EventLogError` `log_misuse` when an offset or its metadata cannot be committed. */
export function assertCommittable(offset: number, metadata: string): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new EventLogError('log_misuse', `cannot commit offset ${offset}: pass a whole number from 0 up to 2^53 - 1`);
  }
  if (metadata.length > commit_metadata_chars_max) {
    throw new EventLogError(
      'log_misuse',
      `cannot commit offset ${offset}: its metadata has ${metadata.length} characters, at most ${commit_metadata_chars_max} are allowed`,
    );
  }
}

/** Throws `EventLogError` `log_misuse` when a read asks for what no log can answer. */
export function assertReadable(from: number, limits: ReadLimits): void {
  if (!Number.isSafeInteger(from)) {
    throw new EventLogError('log_misuse', `cannot read from offset ${from}: pass a whole number below 2^53`);
  }
  if (!(limits.records_max >= 1)) {
    throw new EventLogError('log_misuse', `cannot read ${limits.records_max} records: records_max is at least 1`);
  }
  if (!(limits.bytes_max >= 0) || !(limits.wait_ms >= 0)) {
    throw new EventLogError(
      'log_misuse',
      `cannot read with bytes_max ${limits.bytes_max} and wait_ms ${limits.wait_ms}: neither is below 0`,
    );
  }
}

/** What a caller throws, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`not an Error was thrown: ${String(thrown)}`, { cause: thrown });
}
