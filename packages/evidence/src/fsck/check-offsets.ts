import type { PartitionCheck } from './context.ts';

const WINDOW = 1_048_576;

/**
 * That every committed offset ended as one batch, one rejection or one duplicate. Told by the tally in constant memory; only
 * when it does not agree, and nothing else was found that explains it, are the rows read again to name the offsets.
 */
export async function checkOffsets(check: PartitionCheck): Promise<void> {
  const { start, end, tally } = check;
  if (tally.isExactly(start, end)) return;
  const { store } = check.input;
  for (let from = start; from < end; from += WINDOW) {
    const to = Math.min(end, from + WINDOW);
    const query = { partition: check.key, offsets: { from, to } };
    const seen = new Uint8Array(to - from);
    const count = (offset: number): void => {
      const at = offset - from;
      seen[at] = Math.min(2, (seen[at] ?? 0) + 1);
    };
    for await (const page of store.manifests(query)) for (const { manifest } of page) count(manifest.offset);
    for await (const page of store.rejected(query)) for (const { offset } of page) count(offset);
    for await (const page of store.duplicates(query)) for (const { duplicate } of page) count(duplicate.offset);
    for (let at = 0; at < seen.length; ) {
      const times = seen[at] as number;
      let last = at;
      while (last + 1 < seen.length && seen[last + 1] === times) last++;
      const which = at === last ? `offset ${from + at}` : `offsets ${from + at} to ${from + last}`;
      if (times === 0)
        check.report('offset_not_sealed', {
          offset: from + at,
          detail: `${which}: committed, and neither sealed nor rejected nor a duplicate; a record was left out`,
        });
      if (times === 2)
        check.report('offset_sealed_twice', {
          offset: from + at,
          detail: `${which}: ended as more than one batch, rejection or duplicate`,
        });
      at = last + 1;
    }
  }
}
