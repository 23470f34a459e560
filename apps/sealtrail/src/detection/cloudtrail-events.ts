import { createJsonFields, type DetectionEvent } from '@sealtrail/detection';
import { readFileBytes, readSourceRecords } from '@sealtrail/importers';

/** Lines of a file that are no records. */
export interface SkippedLines {
  lines: number;
  first: { readonly line: number; readonly reason: string } | null;
}

/** CloudTrail's own records as rules for AWS see them: fields by their paths in the JSON. What is no record is counted in `skipped`. */
export async function* cloudTrailEvents(
  file: string,
  tenant: string,
  skipped: SkippedLines,
): AsyncGenerator<DetectionEvent, void, undefined> {
  const json = createJsonFields();
  for await (const source of readSourceRecords(readFileBytes(file))) {
    if (source.kind === 'bad') {
      skipped.lines++;
      skipped.first ??= { line: source.line, reason: source.reason };
      continue;
    }
    const { value } = source;
    if (typeof value !== 'object' || value === null) {
      skipped.lines++;
      skipped.first ??= { line: source.line, reason: 'it is no JSON object' };
      continue;
    }
    const record = value as Readonly<Record<string, unknown>>;
    yield {
      id: String(record['eventID'] ?? `line-${source.line}`),
      tenant,
      time_us: Date.parse(String(record['eventTime'])) * 1_000,
      logsource: { category: null, product: 'aws', service: 'cloudtrail' },
      field: (name) => json.field(record, name),
      values: () => json.values(record),
    };
  }
}
