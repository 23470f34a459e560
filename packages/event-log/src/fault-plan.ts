/** What happens to one call through a failing port. A closed set; every wrapper of a port knows all of it. */
export type Fault =
  /** The call goes through. */
  | 'none'
  /** Fails and took no effect. Only a wrapper knows that: the caller is told what the port tells in doubt. */
  | 'fail_before'
  /** Takes effect, and fails all the same. */
  | 'fail_after'
  /** Fails now; takes effect when the plan lets it, or never. */
  | 'late'
  /** Takes effect and answers, after `FaultPlan.pause`. */
  | 'slow'
  /** The process dies before the call took effect: it never answers, nor does any later call. */
  | 'crash_before'
  /** The process dies after the call took effect. */
  | 'crash_after';

export interface PortCall {
  readonly port: 'event_log' | 'ledger_store';
  /** Of the port's interface, such as `commit` or `insertEntries`. */
  readonly method: string;
}

/** Decides for each call, in the order in which they are made; shared by the wrappers of all ports of one process. */
export interface FaultPlan {
  /** Asked once a call, before it. */
  choose(call: PortCall): Fault;
  /** Takes over an effect that arrives late. It may be run once, at any time, also after the process is gone. */
  later(effect: () => Promise<void>): void;
  /** How long a slow call takes. */
  pause(): Promise<void>;
  /** Told once, when a crash was chosen. */
  crashed(call: PortCall): void;
  /** True from the crash on. */
  readonly dead: boolean;
}

/** The answer of a process that is dead. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
