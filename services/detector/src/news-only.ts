import { ToldReasons } from '@sealtrail/service-runtime';
import type { DetectorEvents, PartitionPlace } from './ports.ts';

/** Passes a wait on once for each reason, and again every 30 seconds: a partition that waits tries twice a second. */
export function newsOnly(events: DetectorEvents, clock_ms: () => number): DetectorEvents {
  const told = new ToldReasons(clock_ms);
  const goesOn =
    <Facts extends readonly unknown[]>(tell: (place: PartitionPlace, ...facts: Facts) => void) =>
    (place: PartitionPlace, ...facts: Facts): void => {
      told.goesOn(nameOf(place));
      tell(place, ...facts);
    };
  return {
    started: goesOn(events.started),
    evaluated: goesOn(events.evaluated),
    rested: goesOn(events.rested),
    lost: goesOn(events.lost),
    waiting(place, what, cause) {
      if (told.isNews(nameOf(place), what, cause)) events.waiting(place, what, cause);
    },
  };
}

const nameOf = ({ topic, partition }: PartitionPlace): string => `${topic}/${partition}`;
