/** What is committed beside the offset: enough to tell which alerts were given. */
export interface CommittedProgress {
  readonly watermark_us: number | null;
}

/** How far a partition has come. */
export interface Progress extends CommittedProgress {
  /** The next to be read. */
  readonly offset: number;
}

const VERSION = 1;

export const formatProgress = ({ watermark_us }: CommittedProgress): string => JSON.stringify({ version: VERSION, watermark_us });

/** null for what was not written by `formatProgress`: the partition is then taken up as if nothing was committed. */
export function parseProgress(metadata: string): CommittedProgress | null {
  let value: unknown;
  try {
    value = JSON.parse(metadata);
  } catch {
    return null; // not JSON is not ours
  }
  const { version, watermark_us } = (value ?? {}) as { version?: unknown; watermark_us?: unknown };
  if (version !== VERSION || !(watermark_us === null || Number.isSafeInteger(watermark_us))) return null;
  return { watermark_us: watermark_us as number | null };
}
