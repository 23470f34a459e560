import type { StoredEntry, StoredManifest } from '@sealtrail/ledger-store';
import { compareBytes, hexOf, sameBytes } from '@sealtrail/merkle';
import { LogEntries } from './check-entries.ts';
import { LogCheck } from './check-log.ts';
import type { PartitionCheck } from './context.ts';
import { MovedRows } from './moved-rows.ts';
import { PageReader } from './page-reader.ts';
import { settleTroubles } from './settle-heads.ts';
import { WrongBatches } from './wrong-batches.ts';

interface Group {
  readonly tenant: string;
  readonly log: Uint8Array;
}

/**
 * The tenants' logs: manifests and entries, which come in the same order, read once and side by side. Runs after the
 * rounds: what they bind is what the logs are held against.
 */
export async function checkLogs(check: PartitionCheck): Promise<void> {
  const { store } = check.input;
  const query = { partition: check.key, offsets: { from: 0, to: check.end } };
  const manifests = new PageReader(store.manifests(query));
  const entries = new PageReader(store.entries(query));
  const moved = new MovedRows(check);
  const wrong = new WrongBatches(check);
  const total = check.logs.entries();
  const visited = new Set<string>();
  for (let group = await nextGroup(manifests, entries); group !== null; group = await nextGroup(manifests, entries)) {
    const { tenant, log } = group;
    const name = hexOf(log);
    const rows = new LogEntries(check, entries, moved, wrong, tenant, log);
    if (belongs(check, tenant, log)) {
      visited.add(name);
      await new LogCheck(check, rows, moved, tenant, log, total).run(manifests);
    } else await surplusManifests(manifests, moved, group);
    await rows.rest();
  }
  for (const [log, { tenant, head }] of check.logs) {
    if (visited.has(log) || head === null || check.hidden.overlaps(check.start, head.offset + 1)) continue;
    const { size, entries: all, last } = head;
    moved.missingManifests({
      tenant,
      log,
      position: 0,
      count: size,
      hash: last,
      entries: { from: 0, to: all },
      rows_seen: 0,
      whole_log: true,
    });
  }
  moved.settle();
  wrong.settle();
  await settleTroubles(check);
}

/** Whether rows of this log may stand under this tenant: its id says so, or, where it continues another, its heads do. */
function belongs({ logs }: PartitionCheck, tenant: string, log: Uint8Array): boolean {
  if (logs.isOf(log, tenant)) return true;
  const summary = logs.of(hexOf(log));
  return summary !== undefined && summary.tenant === tenant && !summary.named;
}

async function nextGroup(manifests: PageReader<StoredManifest>, entries: PageReader<StoredEntry>): Promise<Group | null> {
  const manifest = await manifests.peek();
  const entry = await entries.peek();
  const a = manifest === undefined ? null : { tenant: manifest.tenant, log: manifest.manifest.log };
  const b = entry === undefined ? null : { tenant: entry.tenant, log: entry.log };
  if (a === null || b === null) return a ?? b;
  const order = a.tenant < b.tenant ? -1 : a.tenant > b.tenant ? 1 : compareBytes(a.log, b.log);
  return order <= 0 ? a : b;
}

const surplusManifests = (manifests: PageReader<StoredManifest>, moved: MovedRows, { tenant, log }: Group): Promise<number> =>
  manifests.drop(
    (row) => row.tenant === tenant && sameBytes(row.manifest.log, log),
    (row) => moved.surplusManifest(row),
  );
