import type { DetectorEvents } from '@sealtrail/detector';
import { Changes } from './changes.ts';

/** Why a wait for detection ended without it. */
export class DetectingError extends Error {
  readonly code: 'detector_failed' | 'detect_unfinished';
  constructor(code: DetectingError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DetectingError';
    this.code = code;
  }
}

/** Offset that a partition's records are wanted up to, by partition. */
export type Ends = ReadonlyMap<number, number>;

/** How far the detector of this process has come, for those who wait for it. */
export class DetectionProgress {
  readonly #evaluated = new Map<number, number>();
  /** By partition, where it last had nothing to read and no event that waited. */
  readonly #settled = new Map<number, number>();
  readonly #changes = new Changes();
  #ended: { readonly cause: Error | null } | null = null;
  #cause: string | null = null;

  /** Tells `events` too. */
  watching(events: DetectorEvents): DetectorEvents {
    return {
      ...events,
      evaluated: (place, facts) => {
        this.#evaluated.set(place.partition, facts.to);
        events.evaluated(place, facts);
        this.#changes.tell();
      },
      rested: (place, facts) => {
        if (facts.pending === 0) this.#settled.set(place.partition, facts.to);
        events.rested(place, facts);
        this.#changes.tell();
      },
      waiting: (place, what, cause) => {
        this.#cause = `${what}: ${cause.message}`;
        events.waiting(place, what, cause);
      },
    };
  }

  ended(cause: Error | null): void {
    this.#ended = { cause };
    this.#changes.tell();
  }

  /**
   * Resolves once every record before these offsets is evaluated and its alerts are stored, those of correlations too.
   * Throws DetectingError.
   */
  async settled(ends: Ends, stop: AbortSignal, onProgress: (evaluated: number, of: number) => void): Promise<void> {
    const places = [...ends];
    const wanted = places.reduce((sum, [, end]) => sum + end, 0);
    while (places.some(([partition, end]) => (this.#settled.get(partition) ?? -1) < end)) {
      if (this.#ended !== null) throw failed(this.#ended.cause);
      if (stop.aborted) throw unfinished(this.#cause);
      onProgress(
        places.reduce((sum, [partition, end]) => sum + Math.min(end, this.#evaluated.get(partition) ?? 0), 0),
        wanted,
      );
      await this.#changes.next(stop);
    }
  }
}

const failed = (cause: Error | null): DetectingError =>
  new DetectingError(
    'detector_failed',
    `detection stopped${cause === null ? '' : ` (${cause.message})`}; what it has not come to, the next \`sealtrail import\` or \`sealtrail up\` goes on with`,
    { cause },
  );

const unfinished = (cause: string | null): DetectingError =>
  new DetectingError(
    'detect_unfinished',
    `detection was ended before it was done${cause === null ? '' : ` (it waited at ${cause})`}; the next \`sealtrail import\` or \`sealtrail up\` goes on with it`,
  );
