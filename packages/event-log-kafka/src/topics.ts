import { closed, noPartition, noTopic } from './failures.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { Link } from './link.ts';
import { fetchTopic, type PartitionMetadata, type TopicMetadata } from './topic-metadata.ts';

/** What a client knows about topics; asked anew when it is too old, or was forgotten because something failed. */
export class Topics {
  readonly #link: Link;
  readonly #known = new Map<string, { readonly metadata: TopicMetadata; readonly asked_ms: number }>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Throws EventLogError `log_misuse` when there is no such topic, and what the request throws. */
  async topic(topic: string, age_ms_max: number = Number.POSITIVE_INFINITY): Promise<TopicMetadata> {
    const now_ms = this.#link.settings.clock_ms();
    const known = this.#known.get(topic);
    if (known !== undefined && now_ms - known.asked_ms < age_ms_max) return known.metadata;
    const { found } = await fetchTopic(await this.#link.anyBroker(), topic);
    if (this.#link.isClosed) throw closed();
    if (found === null) {
      this.#known.delete(topic);
      throw noTopic(topic);
    }
    this.#known.set(topic, { metadata: found, asked_ms: now_ms });
    return found;
  }

  forget(topic: string): void {
    this.#known.delete(topic);
  }

  /** A partition with the broker that leads it. */
  async leaderOf(
    topic: string,
    partition: number,
  ): Promise<{ readonly topic_id: string; readonly place: PartitionMetadata; readonly broker: KafkaBroker }> {
    const { partitions, topic_id } = await this.topic(topic);
    const place = partitions.get(partition);
    if (place === undefined) throw noPartition(topic, partition);
    return { topic_id, place, broker: await this.#link.broker(place.leader, topic) };
  }
}
