import { compareMoments } from '../time/order.ts';
import type { KeyState } from './key-store.ts';
import { type Arrival, type Effect, UNPLACED, type Window } from './window.ts';

/** What a hit did, and to which window of its key. */
export interface Reception {
  readonly window: Window;
  readonly effect: Effect;
}

/**
 * Takes a hit into the windows that its correlation has for its key. One that is not before the newest goes on from it. A late one joins the window
 * where it can share it; where it is too old for that, it goes to a window of late hits of its own, so that what was spooled
 * for hours is still correlated with itself; and where it is too old even for that, it is looked at alone.
 */
export function receive(
  state: KeyState,
  slot: number,
  window: Window,
  arrival: Arrival,
  create: () => Window,
  timespan_us: number,
): Reception {
  const effect = into(window, arrival, timespan_us);
  if (effect.kind !== 'unplaced') return { window, effect };
  state.late ??= state.windows.map(() => null);
  const late = (state.late[slot] ??= create());
  const later = into(late, arrival, timespan_us);
  if (later.kind !== 'unplaced') return { window: late, effect: later };
  const alone = create();
  return { window: alone, effect: alone.add(arrival) };
}

function into(window: Window, arrival: Arrival, timespan_us: number): Effect {
  const { last } = window;
  if (last === null || compareMoments(arrival, last) >= 0) return window.add(arrival);
  return arrival.time_us >= last.time_us - timespan_us ? window.insert(arrival) : UNPLACED;
}
