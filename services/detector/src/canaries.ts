import type { Deployment, SigningKey } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import type { Logger, Metrics } from '@sealtrail/service-runtime';
import { sleep } from '@sealtrail/service-runtime';
import { ALERTS_TOPIC } from './alert-pipeline.ts';
import { CANARY_RULE_ID, type CanarySettings, canaryTargets } from './canary.ts';
import { createCanaryEmitter } from './canary-emitter.ts';
import { type CanaryEvents, type CanaryRun, startCanaries } from './canary-run.ts';
import { followCanaryAlerts } from './canary-topic.ts';

export interface SendCanariesOptions {
  /** Not closed here; must stay open until `ended`. */
  readonly log: EventLog;
  readonly deployment: Pick<Deployment, 'audience' | 'topic' | 'partitions'>;
  /** From `openCanaryKey`. */
  readonly key: SigningKey;
  readonly settings: CanarySettings;
  /** Ids of the rules that the detector runs: without that of the canaries none can be seen, and health says so. */
  readonly rule_ids: ReadonlySet<string>;
  readonly clock_ms: () => number;
  /** Cryptographically strong. */
  readonly random: (bytes: number) => Uint8Array;
  readonly logger: Logger;
  readonly events: CanaryEvents;
}

const ID_BYTES = 16;
const NO_RULE = 'the rules that run lack canary_seen: add rules/canary.yml, or do without canaries';

/** Sends canaries of a deployment through its log and waits for their alerts, until `stop` aborts. */
export async function sendCanaries(options: SendCanariesOptions, stop: AbortSignal): Promise<CanaryRun> {
  const { log, deployment, key, settings, clock_ms, random, logger, events } = options;
  const [producer, reader, admin] = await Promise.all([log.producer(), log.reader(), log.admin()]);
  const run = startCanaries(
    {
      targets: canaryTargets(deployment.partitions),
      settings,
      hint: options.rule_ids.has(CANARY_RULE_ID) ? null : NO_RULE,
      ports: {
        emit: createCanaryEmitter({ deployment, key, log: producer, timeout_ms: settings.bound_ms, clock_ms, random }),
        follow: followCanaryAlerts({
          reader,
          topic: ALERTS_TOPIC,
          partitions: async () => (await admin.topic(ALERTS_TOPIC))?.partitions ?? 1,
          sleep,
          onFailure: (cause) => logger.warn('the topic of alerts cannot be read', { topic: ALERTS_TOPIC, check: CHECK }, cause),
        }),
        newId: () => random(ID_BYTES),
        clock_ms,
        sleep,
        events,
      },
    },
    stop,
  );
  const close = async (): Promise<void> => {
    await Promise.all([producer.close(), reader.close(), admin.close()]);
  };
  const ended = run.ended.finally(close);
  ended.catch(() => undefined);
  return { ...run, ended };
}

/** Name of the health check. */
const CHECK = 'canaries';

/** What canaries tell, as log lines: red and green, and nothing while all is well. */
export const canaryLog = (logger: Logger): CanaryEvents => ({
  sent: () => undefined,
  answered: ({ partition, round_trip_ms }) => logger.debug('canary seen', { partition, duration_ms: round_trip_ms }),
  missed: (partition) => logger.debug('canary missed', { partition }),
  failing: (reason) => logger.error('detection is red', { check: CHECK, reason }),
  recovered: () => logger.info('detection is green again', { check: CHECK }),
});

const ROUND_TRIP_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What canaries tell, as metrics. */
export function canaryMetrics(metrics: Metrics): CanaryEvents {
  const canaries = metrics.counter({
    name: 'detector_canaries_total',
    help: 'Canaries by outcome: sent, seen within the bound, missed.',
    labels: ['outcome'],
  });
  const roundTrip = metrics.histogram({
    name: 'detector_canary_seconds',
    help: 'From the moment at which a canary is to be emitted until its alert stands in the topic of alerts.',
    buckets: ROUND_TRIP_SECONDS,
  });
  const red = metrics.gauge({
    name: 'detector_canaries_failing_info',
    help: '1 while the latest canary of some partition was missed, else 0.',
  });
  red.set(0);
  return {
    sent: () => canaries.add(1, { outcome: 'sent' }),
    answered({ round_trip_ms, in_time }) {
      roundTrip.observe(round_trip_ms / 1000);
      if (in_time) canaries.add(1, { outcome: 'seen' });
    },
    missed: () => canaries.add(1, { outcome: 'missed' }),
    failing: () => red.set(1),
    recovered: () => red.set(0),
  };
}
