/** A moment at which something happened, made a total order by the event's id. */
export interface Moment {
  readonly time_us: number;
  readonly id: string;
}

/** By time, then by id in UTF-16 code units: the one order in which events are evaluated, whatever the order in which they came. */
export function compareMoments(a: Moment, b: Moment): number {
  if (a.time_us !== b.time_us) return a.time_us - b.time_us;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}
