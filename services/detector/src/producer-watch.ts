import { hexOf } from '@sealtrail/merkle';
import { isSealed, type SequenceIntervals, withSealed } from '@sealtrail/seal';
import type { BatchHeader, Delivery } from '@sealtrail/wire';

/** What the headers of a producer's batches tell besides the events. rules/README.md lists the findings. */
export interface ProducerFinding {
  readonly finding: 'sequence_gap' | 'sequence_conflict' | 'events_shed' | 'producer_silent';
  readonly tenant: string;
  readonly producer: string;
  readonly delivery: Delivery;
  /** Names the finding among those of its tenant; the same in a replay. */
  readonly id: string;
  /** Batches missing, events shed; 1 otherwise. */
  readonly count: number;
}

export interface BatchTaken {
  readonly kind: 'new' | 'duplicate' | 'conflict';
  readonly findings: readonly ProducerFinding[];
}

interface Channel {
  readonly instance: Uint8Array;
  readonly tenant: string;
  readonly producer: string;
  readonly delivery: Delivery;
  /** Numbers that were taken, as intervals. */
  intervals: SequenceIntervals['intervals'];
  /** One more than the largest. */
  next: number;
  /** Header hashes of the latest numbers. */
  readonly hashes: Map<number, string>;
  shed: number;
  seen_us: number;
  state: 'speaks' | 'silent' | 'closed';
}

const CHANNELS_MAX = 100_000;
const HASHES_MAX = 256;
const INTERVALS_MAX = 1_024;

/**
 * Follows the sequence numbers of every (tenant, instance, delivery) of a partition: gaps, conflicts, shed events, silence.
 * Time is that of the log. Bounded: beyond 100,000 channels the one that was quiet longest is forgotten, and counted.
 */
export class ProducerWatch {
  readonly #channels = new Map<string, Channel>();
  readonly #silence_us: number;
  forgotten = 0;

  constructor(silence_us: number) {
    this.#silence_us = silence_us;
  }

  /** `header_hash` in hex. */
  take(header: BatchHeader, header_hash: string, recorded_us: number): BatchTaken {
    const { tenant, producer, delivery, sequence, shed } = header;
    const name = `${hexOf(header.instance)}/${delivery}`;
    const key = `${tenant}\n${name}`;
    const known = this.#channels.get(key);
    const findings: ProducerFinding[] = [];
    const tell = (finding: ProducerFinding['finding'], count: number): void => {
      findings.push({ finding, tenant, producer, delivery, id: `${name}/${sequence}/${finding}`, count });
    };
    if (known !== undefined && isSealed(known, sequence)) {
      const before = known.hashes.get(sequence);
      // Of a number whose hash is no longer kept only the ledger can say more.
      if (before === undefined || before === header_hash) return { kind: 'duplicate', findings };
      tell('sequence_conflict', 1);
      return { kind: 'conflict', findings };
    }
    // What came before the first batch that is seen here is not known, save that numbers begin at 0.
    const channel: Channel = known ?? fresh(header);
    if (sequence > channel.next) tell('sequence_gap', sequence - channel.next);
    if (shed > channel.shed) tell('events_shed', shed - channel.shed);
    channel.next = Math.max(channel.next, sequence + 1);
    channel.intervals = bounded(withSealed(channel.intervals, sequence));
    channel.shed = Math.max(channel.shed, shed);
    channel.seen_us = Math.max(channel.seen_us, recorded_us);
    channel.state = header.kind === 'CLOSE' ? 'closed' : 'speaks';
    channel.hashes.set(sequence, header_hash);
    if (channel.hashes.size > HASHES_MAX) channel.hashes.delete(channel.hashes.keys().next().value as number);
    // A Map keeps insertion order: the first is the one that was quiet longest.
    this.#channels.delete(key);
    this.#channels.set(key, channel);
    if (this.#channels.size > CHANNELS_MAX) {
      this.#channels.delete(this.#channels.keys().next().value as string);
      this.forgotten++;
    }
    return { kind: 'new', findings };
  }

  /** Producers that were last heard longer ago than they may be silent, each once. */
  silentAt(now_us: number): readonly ProducerFinding[] {
    const findings: ProducerFinding[] = [];
    for (const [key, channel] of this.#channels) {
      // The order is that of the last batch, so those behind spoke later.
      if (channel.seen_us + this.#silence_us >= now_us) break;
      if (channel.state !== 'speaks') continue;
      channel.state = 'silent';
      const { tenant, producer, delivery, next } = channel;
      const id = `${key.slice(key.indexOf('\n') + 1)}/${next}/producer_silent`;
      findings.push({ finding: 'producer_silent', tenant, producer, delivery, id, count: 1 });
    }
    return findings;
  }
}

/** Of too many the two lowest become one: what is missing between them is taken for seen. */
function bounded(intervals: SequenceIntervals['intervals']): SequenceIntervals['intervals'] {
  const [first, second] = intervals;
  if (intervals.length <= INTERVALS_MAX || first === undefined || second === undefined) return intervals;
  return [{ from: first.from, to: second.to }, ...intervals.slice(2)];
}

const fresh = ({ tenant, producer, instance, delivery, sequence, shed }: BatchHeader): Channel => ({
  instance: instance.slice(),
  tenant,
  producer,
  delivery,
  intervals: [],
  next: sequence,
  hashes: new Map(),
  shed,
  seen_us: 0,
  state: 'speaks',
});
