import { splitJson } from './split-json.ts';

/** One record of a source, or the place where one should stand. `line` counts lines from 1; in a JSON document, records. */
export type SourceRecord =
  | { readonly kind: 'value'; readonly line: number; readonly value: unknown }
  | { readonly kind: 'bad'; readonly line: number; readonly reason: string; readonly is_json: boolean };

/** A record is at most this many bytes; CloudTrail's own limit is 256 KiB. */
export const RECORD_BYTES_MAX = 1_048_576;

/**
 * The records of a CloudTrail source: JSON lines, `{"Records":[…]}` documents as AWS delivers them (one or several, on one
 * line or many), or one JSON array. What cannot be read comes as `bad` and keeps its place; empty lines are passed over.
 */
export async function* readSourceRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SourceRecord, void, undefined> {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  for await (const piece of splitJson(chunks, RECORD_BYTES_MAX)) {
    const { line } = piece;
    if (piece.kind === 'fault') {
      yield { kind: 'bad', line, reason: piece.reason, is_json: true };
      continue;
    }
    let text: string;
    try {
      text = utf8.decode(piece.bytes);
    } catch {
      yield { kind: 'bad', line, reason: 'it is not UTF-8', is_json: false };
      continue;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // The parser's message quotes the text, which may hold a secret.
      yield { kind: 'bad', line, reason: 'it is not JSON', is_json: false };
      continue;
    }
    const records = piece.kind === 'line' ? (value as { Records?: unknown } | null)?.Records : undefined;
    if (Array.isArray(records)) for (const record of records) yield { kind: 'value', line, value: record };
    else yield { kind: 'value', line, value };
  }
}
