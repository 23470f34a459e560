/** Reading a query page by page, whatever runs its statements. */
import { sameBytes } from '@sealtrail/merkle';
import type { BatchLeaves, PartitionKey, Range } from '../port.ts';
import type { VisibleInterval } from '../visible.ts';
import { RowReader, readContainer } from './avro-reader.ts';
import { batchLeavesQuery, type PagedQuery, pageStatement, shownRange, tiedStatement } from './reads.ts';

/** What answers a SELECT with the rows as an Avro container, whole. */
export interface RowSource {
  run(sql: string): Promise<Uint8Array>;
  /** Throws `store_closed` once the store is closed. */
  assertOpen(): void;
}

/** What a page should hold: rows may have 32 KiB each, so their number follows from their size. */
const PAGE_BYTES_WANTED = 8_388_608;
/** The engine unpacks blocks of 8,192 rows at once: much smaller pages cost as much. */
const FIRST_ROWS = 2_048;

interface Page<Row> {
  readonly bytes: Uint8Array;
  readonly rows: readonly Row[];
  /** Where each row begins in the bytes. */
  readonly starts: readonly number[];
}

async function readPage<Row>(source: RowSource, query: PagedQuery<Row>, sql: string): Promise<Page<Row>> {
  const bytes = await source.run(sql);
  const rows: Row[] = [];
  const starts: number[] = [];
  readContainer(bytes, (reader) => {
    starts.push(reader.at);
    rows.push(query.read(reader));
  });
  return { bytes, rows, starts };
}

/**
 * Reads a query page by page, each page its own statement that begins after the last row of the one before: nothing in
 * the engine waits for the reader, and memory is bounded by a page. A page ends between two rows that differ in their
 * order columns; each statement asks for one row more, to see whether it does.
 */
export async function* readPages<Row>(source: RowSource, query: PagedQuery<Row>, rowsMax: number): AsyncGenerator<readonly Row[]> {
  source.assertOpen();
  if (query.condition === null) return;
  let after: readonly string[] | null = null;
  let limit = Math.min(rowsMax, FIRST_ROWS);
  for (;;) {
    const page: Page<Row> = await readPage(source, query, pageStatement(query, limit + 1, after));
    if (page.rows.length <= limit) {
      yield* slices(page.rows, rowsMax);
      return;
    }
    const next = keyOf(page, limit, query);
    let last = limit - 1;
    while (last >= 0 && sameBytes(keyOf(page, last, query).bytes, next.bytes)) last--;
    if (last >= 0) {
      yield* slices(page.rows.slice(0, last + 1), rowsMax);
      after = keyOf(page, last, query).literals();
    } else {
      // Rows inserted many times over: all of them at once.
      after = next.literals();
      yield* slices((await readPage(source, query, tiedStatement(query, after))).rows, rowsMax);
    }
    limit = Math.max(1, Math.min(rowsMax, Math.floor((PAGE_BYTES_WANTED * page.rows.length) / page.bytes.length)));
  }
}

function* slices<Row>(rows: readonly Row[], rowsMax: number): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += rowsMax) yield rows.slice(at, at + rowsMax);
}

/** The order columns of a row, which it begins with. */
function keyOf<Row>(page: Page<Row>, row: number, query: PagedQuery<Row>): { readonly bytes: Uint8Array; literals(): readonly string[] } {
  const start = page.starts[row] as number;
  const reader = new RowReader(page.bytes);
  reader.at = start;
  for (const { type } of query.order) reader.skip(type);
  return {
    bytes: page.bytes.subarray(start, reader.at),
    literals() {
      reader.at = start;
      return query.order.map(({ type }) => reader.literal(type));
    },
  };
}

const FIRST_OFFSETS = 256;
const LEAF_BYTES_WANTED = 4_194_304;

/** Leaves by windows of offsets: a page's end is then known before it is grouped, and the index on offset bounds what is read. */
export async function* readLeaves(
  source: RowSource,
  partition: PartitionKey,
  offsets: Range,
  intervals: readonly VisibleInterval[],
  rowsMax: number,
): AsyncGenerator<readonly BatchLeaves[]> {
  source.assertOpen();
  const shown = shownRange(intervals, offsets);
  let size = FIRST_OFFSETS;
  for (let from = shown.from; from < shown.to; ) {
    const window = { from, to: Math.min(shown.to, from + size) };
    let bytes = 0;
    for await (const page of readPages(source, batchLeavesQuery(partition, window, intervals), rowsMax)) {
      for (const { leaves } of page) bytes += leaves.length;
      yield page;
    }
    from = window.to;
    // Empty windows grow fast: offsets may be far apart.
    size = bytes === 0 ? size * 4 : Math.max(1, Math.min(rowsMax, Math.floor((size * LEAF_BYTES_WANTED) / bytes)));
  }
}
