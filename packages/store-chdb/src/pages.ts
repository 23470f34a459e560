import { type PagedQuery, pageStatement, RowReader, readContainer } from '@sealtrail/ledger-store/sql';
import type { Engine } from './engine.ts';

/** What a page should hold at most: rows may have 32 KiB each, so their number follows from their size. */
const PAGE_BYTES_WANTED = 4_194_304;
const FIRST_ROWS = 512;

/**
 * Reads a query page by page, each page its own statement that begins after the last row of the one before: nothing in
 * the engine waits for the reader, and memory is bounded by a page. Rows that are equal in all order columns come at once.
 */
export async function* readPages<Row>(engine: Engine, query: PagedQuery<Row>, rowsMax: number): AsyncGenerator<readonly Row[]> {
  engine.assertOpen();
  if (query.condition === null) return;
  let after: readonly string[] | null = null;
  let limit = Math.min(rowsMax, FIRST_ROWS);
  for (;;) {
    const bytes = await engine.run(pageStatement(query, limit, after));
    const rows: Row[] = [];
    let last = 0;
    readContainer(bytes, (reader) => {
      last = reader.at;
      rows.push(query.read(reader));
    });
    for (let at = 0; at < rows.length; at += rowsMax) yield rows.slice(at, at + rowsMax);
    if (rows.length < limit) return;
    const reader = new RowReader(bytes);
    reader.at = last;
    after = query.order.map(({ type }) => reader.literal(type));
    limit = Math.max(1, Math.min(rowsMax, Math.floor((PAGE_BYTES_WANTED * rows.length) / bytes.length)));
  }
}
