import type { CorrelatorStats } from './correlation/options.ts';

/** What several correlators of one partition hold together. The watermark is that of the one that is furthest behind. */
export function joinedStats(parts: readonly CorrelatorStats[]): CorrelatorStats {
  const sum = (of: (stats: CorrelatorStats) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const watermarks = parts.map(({ watermark_us }) => watermark_us).filter((watermark_us) => watermark_us !== null);
  const evicted = new Map<string, ReadonlyMap<string, number>>();
  for (const part of parts)
    for (const [tenant, counts] of part.evicted) evicted.set(tenant, joinedCounts([evicted.get(tenant) ?? new Map(), counts]));
  return {
    watermark_us: watermarks.length === 0 ? null : Math.min(...watermarks),
    pending: sum(({ pending }) => pending),
    keys: sum(({ keys }) => keys),
    hits: sum(({ hits }) => hits),
    late: sum(({ late }) => late),
    duplicates: sum(({ duplicates }) => duplicates),
    capped: sum(({ capped }) => capped),
    untimed: sum(({ untimed }) => untimed),
    hurried: sum(({ hurried }) => hurried),
    without_group: joinedCounts(parts.map(({ without_group }) => without_group)),
    without_value: joinedCounts(parts.map(({ without_value }) => without_value)),
    truncated: joinedCounts(parts.map(({ truncated }) => truncated)),
    evicted,
    crowded_out: joinedCounts(parts.map(({ crowded_out }) => crowded_out)),
  };
}

function joinedCounts(parts: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const joined = new Map<string, number>();
  for (const part of parts) for (const [id, count] of part) joined.set(id, (joined.get(id) ?? 0) + count);
  return joined;
}
