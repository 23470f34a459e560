import { hexOf } from '@sealtrail/merkle';
import type { LogHead } from '@sealtrail/wire';
import type { HeadPlace, HeadTrouble, PartitionCheck, TroubledHead } from './context.ts';
import { RemovedLogs } from './removed-logs.ts';
import { leafName } from './round-rows.ts';

/** The round in trouble that an offset belongs to. Rounds stand in order. */
export function troubleAt(troubles: readonly HeadTrouble[], offset: number): HeadTrouble | null {
  let low = 0;
  let high = troubles.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((troubles[middle] as HeadTrouble).to > offset) high = middle;
    else low = middle + 1;
  }
  const found = troubles[low];
  return found !== undefined && found.from <= offset ? found : null;
}

/**
 * What the manifests say about one log's head in a round in trouble; `head` is null where they cannot tell it in full, and
 * may be an earlier one of the same round where it is not `certain`.
 */
export function settleHead(check: PartitionCheck, trouble: HeadTrouble, place: HeadPlace, head: LogHead | null, certain: boolean): void {
  trouble.settled++;
  const leaf = head === null ? '' : leafName(check, head);
  const right = trouble.rows.get(leaf);
  if (right !== undefined) {
    trouble.rows.delete(leaf);
    if (right.tenant !== place.tenant)
      reportHead(check, 'head_altered', trouble, place, `the head of size ${place.size} stands under tenant ${right.tenant}`);
    else if (!right.frontier_holds)
      reportHead(check, 'head_altered', trouble, place, `the frontier of the head of size ${place.size} does not give its root`);
    return;
  }
  const own = [...trouble.rows].find(([, row]) => row.log === place.log);
  if (own !== undefined) {
    trouble.rows.delete(own[0]);
    if (head !== null && certain)
      reportHead(check, 'head_altered', trouble, place, `the head of size ${place.size} is not what the manifests give`);
    return;
  }
  const stray = check.strays.get(leaf);
  if (stray !== undefined) {
    check.strays.delete(leaf);
    reportHead(check, 'head_altered', trouble, place, `the head of size ${place.size} stands at an offset that is not its round's`);
  } else trouble.missing.push({ ...place, last: head === null ? '' : hexOf(head.last) });
}

/** After all logs: what nobody spoke for. */
export async function settleTroubles(check: PartitionCheck): Promise<void> {
  const unnamed: { readonly round: number; readonly count: number; readonly offset: number }[] = [];
  const removed = new RemovedLogs(check);
  for (const trouble of check.troubles) {
    const rows = [...trouble.rows.values()];
    for (const place of trouble.missing) {
      // A row that no manifest speaks for and that names the same manifest, or tenant and size: its log was altered.
      const at = rows.findIndex(
        (row) => (row.last !== '' && row.last === place.last) || (row.tenant === place.tenant && row.size === place.size),
      );
      if (at >= 0) {
        const [row] = rows.splice(at, 1) as [TroubledHead];
        reportHead(check, 'head_altered', trouble, place, `the head of size ${place.size} stands under log ${row.log}`);
      } else reportHead(check, 'head_missing', trouble, place, `the head of size ${place.size} has no row`);
    }
    const unsettled = trouble.expected - trouble.settled;
    const untold = unsettled - (await removed.inRound(trouble, rows, unsettled));
    for (const row of rows.splice(0, Math.max(0, rows.length - Math.max(0, untold)))) {
      reportHead(check, 'head_added', trouble, row, `a head of size ${row.size} that the round did not seal`);
    }
    for (const row of rows)
      reportHead(
        check,
        'head_altered',
        trouble,
        row,
        `one of the round's heads is not what it was; it may be this one, of size ${row.size}`,
      );
    if (untold > rows.length) unnamed.push({ round: trouble.round, count: untold - rows.length, offset: trouble.from });
  }
  removed.settle();
  for (const row of check.strays.values()) {
    check.report('head_added', {
      tenant: row.tenant,
      log: row.log,
      position: row.size - 1,
      detail: `a head of size ${row.size} in a round that did not seal it, or at an offset that ends no round; remove the row`,
    });
  }
  const [first] = unnamed;
  if (first === undefined) return;
  const most = Math.max(...unnamed.map(({ count }) => count));
  const last = unnamed.at(-1) as { readonly round: number };
  check.report('log_missing', {
    round: first.round,
    offset: first.offset,
    detail: `${first.round === last.round ? `round ${first.round} binds` : `${unnamed.length} of the rounds ${first.round} to ${last.round} bind`} heads, up to ${most} each, of which no row is left, neither head nor manifest: whole tenants were removed; restore their rows`,
  });
}

function reportHead(
  check: PartitionCheck,
  code: 'head_altered' | 'head_missing' | 'head_added',
  trouble: HeadTrouble,
  place: HeadPlace,
  why: string,
): void {
  check.report(code, {
    tenant: place.tenant,
    log: place.log,
    position: place.size - 1,
    round: trouble.round,
    offset: trouble.to - 1,
    detail: `round ${trouble.round}: ${why}; restore the row`,
  });
}

export const headPlaceOf = (tenant: string, log: Uint8Array, size: number): HeadPlace => ({ tenant, log: hexOf(log), size });
