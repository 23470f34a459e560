import type { LogFields, Logger } from '@sealtrail/service-runtime';
import type { AlertPipelineEvents } from './alert-pipeline.ts';
import { ForgottenWatch } from './forgotten-watch.ts';
import { newsOnly } from './news-only.ts';
import type { DetectorEvents, PartitionPlace } from './ports.ts';

const placeOf = ({ topic, partition }: PartitionPlace): LogFields => ({ topic, partition });

/**
 * What the detector tells, as log lines. Nothing of an event or an alert's group is in them. That a partition waits is told
 * once for each reason, and again every 30 seconds.
 */
export function detectorLog(logger: Logger, clock_ms: () => number): DetectorEvents {
  const forgotten = new ForgottenWatch();
  const lines: DetectorEvents = {
    started(place, { replay_from, from }) {
      forgotten.restart(place);
      logger.info('detection took up a partition', { ...placeOf(place), from: replay_from, offset: from, records: from - replay_from });
    },
    evaluated(place, { to, events, alerts, state }) {
      logger.debug('records evaluated', { ...placeOf(place), to, entries: events, records: alerts });
      for (const { reason, rule, count } of forgotten.worthTelling(place, state))
        logger.warn('detection forgot what it had no room for', {
          ...placeOf(place),
          reason,
          ...(rule === null ? {} : { code: rule }),
          records: count,
        });
    },
    rested: () => undefined,
    waiting: (place, what, cause) => logger.warn('detection waits', { ...placeOf(place), step: what }, cause),
    lost: (place) => logger.info('detection gave up a partition', placeOf(place)),
  };
  return newsOnly(lines, clock_ms);
}

/** What becomes of alerts, as log lines: the rule and the fate, and never who or what. */
export function alertLog(logger: Logger): AlertPipelineEvents {
  return {
    raised: (alert, fate) =>
      fate.kind === 'duplicate'
        ? logger.debug('alert raised again', { code: alert.rule_id })
        : logger.info('alert raised', { code: alert.rule_id, reason: fate.kind, step: alert.level }),
    delivery(event) {
      const fields = { component: event.notifier, step: event.kind };
      if (event.kind === 'delivered') logger.debug('alert message', fields);
      else if (event.kind === 'store_failed') logger.warn('alert message', fields, event.cause);
      else {
        const status = event.status === null ? '' : ` ${event.status}`;
        logger.warn('alert message', { ...fields, attempt: event.attempts, reason: `${event.reason}${status}` });
      }
    },
    failed: (cause) => logger.warn('messages about alerts cannot be kept; they are tried again', {}, cause),
  };
}
