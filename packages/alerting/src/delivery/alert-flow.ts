/**
 * Alerts on their way from detection to notifiers. The order below is what survives a crash:
 *
 *   1 `admit`    decides each alert's fate, in memory
 *   2 the caller stores the alerts with their fates, and appends them to their topic
 *   3 `keep`     the state is durable: only now may the caller commit the offsets of the events
 *   4 messages that are due are kept as queued deliveries, then the state without them is; then they are sent
 *
 * A crash before 3 replays the events: the same alerts, with the same ids. A crash within 4 makes a message again, with
 * another id: a receiver may be told twice, never not at all.
 */
import type { Alert } from '../alert.ts';
import type { Admission, Hygiene } from '../hygiene/hygiene.ts';
import type { Message } from '../message.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Timers } from './notifier.ts';
import type { AlertStateStore } from './store.ts';

export interface AlertFlowOptions {
  readonly hygiene: Hygiene;
  readonly dispatcher: Pick<Dispatcher, 'enqueue'>;
  readonly state: Pick<AlertStateStore, 'save'>;
  readonly clock_ms: () => number;
  readonly timers: Timers;
  /** Messages could not be kept, or the state: it is tried again. */
  readonly onFailure: (cause: unknown) => void;
}

export interface AlertFlow {
  admit(alerts: readonly Alert[]): readonly Admission[];
  /** Makes durable what was admitted; costs nothing where nothing was. Rejects where it could not be: then commit nothing. */
  keep(): Promise<void>;
  /** Sends what is due by now; called by itself when something is. */
  flush(): Promise<void>;
  /** Something else changed the hygiene (a silence, an acknowledgement): keep it, and look what is due. */
  changed(): Promise<void>;
  stop(): Promise<void>;
}

const RETRY_MS = 5_000;

export function createAlertFlow(options: AlertFlowOptions): AlertFlow {
  const { hygiene, dispatcher, state, clock_ms: clock, timers } = options;
  /** Left the hygiene, and are not kept yet. As long as there are some the kept state is one that still has them. */
  let unkept: readonly Message[] = [];
  /** One after the other: a state must not be overtaken by an older one. */
  let last: Promise<void> = Promise.resolve();
  let forgetTimer: (() => void) | null = null;
  let stopped = false;
  /** The kept state is not the present one. */
  let isStale = true;

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };

  async function send(): Promise<void> {
    unkept = [...unkept, ...hygiene.messages(clock())];
    if (unkept.length > 0) {
      await dispatcher.enqueue(unkept);
      unkept = [];
      isStale = true;
      await save();
    }
  }

  async function save(): Promise<void> {
    if (!isStale) return;
    // Before the write: what comes during it is not in it.
    isStale = false;
    try {
      await state.save(JSON.stringify(hygiene.state()));
    } catch (cause) {
      isStale = true;
      throw cause;
    }
  }

  function wait(delay_ms: number | null): void {
    forgetTimer?.();
    forgetTimer = delay_ms === null || stopped ? null : timers.after(Math.max(1, delay_ms), () => void flush());
  }

  async function flush(): Promise<void> {
    try {
      await inTurn(send);
      const now = clock();
      const next = hygiene.nextAt(now);
      wait(next === null ? null : next - now);
    } catch (cause) {
      options.onFailure(cause);
      wait(RETRY_MS);
    }
  }

  const keep = (): Promise<void> =>
    inTurn(async () => {
      // What could not be kept before comes first: a state without it must not become the kept one.
      if (unkept.length > 0) await send();
      await save();
    });

  return {
    admit(alerts) {
      const now = clock();
      const admitted = alerts.map((alert) => hygiene.admit(alert, now));
      if (admitted.some(({ fate }) => fate.kind !== 'duplicate')) isStale = true;
      const next = hygiene.nextAt(now);
      if (next !== null && unkept.length === 0) wait(next - now);
      return admitted;
    },
    keep,
    flush,
    async changed() {
      isStale = true;
      await keep();
      await flush();
    },
    async stop() {
      stopped = true;
      forgetTimer?.();
      await last;
    },
  };
}
