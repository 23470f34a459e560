import { hexOf } from '@sealtrail/merkle';
import {
  type CanaryAnswered,
  type CanaryCounts,
  type CanaryHealth,
  type CanarySettings,
  type CanaryTarget,
  CanaryWatch,
} from './canary.ts';

/** For logs and metrics. */
export interface CanaryEvents {
  sent(partition: number): void;
  answered(answer: CanaryAnswered): void;
  missed(partition: number): void;
  /** Health went red, or is red for another reason. */
  failing(reason: string): void;
  recovered(): void;
}

export interface CanaryPorts {
  /**
   * Emits one event with this id. Durable in the event log when it resolves; throws where it is not, or where nobody knows.
   * Settles by itself.
   */
  emit(target: CanaryTarget, id: Uint8Array): Promise<void>;
  /**
   * Calls `take` with the event id of each canary's alert that reaches the topic of alerts from now on, until `stop` aborts.
   * Calls `ready` once it will miss none.
   */
  follow(take: (id: Uint8Array) => void, ready: () => void, stop: AbortSignal): Promise<void>;
  /** 16 bytes, never the same. */
  newId(): Uint8Array;
  readonly clock_ms: () => number;
  /** Waits; resolves early when the signal aborts. */
  readonly sleep: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly events: CanaryEvents;
}

export interface CanaryRun {
  health(): CanaryHealth;
  counts(): CanaryCounts;
  /** Resolves once `stop` aborted and nothing is under way. Rejects with what a bug throws: health is then failing for good. */
  readonly ended: Promise<void>;
}

export interface CanaryOptions {
  readonly targets: readonly CanaryTarget[];
  readonly settings: CanarySettings;
  readonly ports: CanaryPorts;
  /** What is known to keep alerts from coming; told with the reason. */
  readonly hint?: string | null;
}

/** The longest wait between two looks, so that a clock that was set forward is noticed. */
const LOOK_MS = 1_000;

/**
 * Sends canaries and waits for their alerts, in whatever process the detector runs that raises them. Emission and answers
 * are judged apart from each other: what hangs in one is told by the other's bound.
 */
export function startCanaries({ targets, settings, ports, hint = null }: CanaryOptions, stop: AbortSignal): CanaryRun {
  const { clock_ms, events } = ports;
  const watch = new CanaryWatch(targets, settings);
  /** Partitions whose emission is under way: while one hangs no further one is begun. */
  const emitting = new Set<number>();
  let broken: string | null = null;
  let told: string | null = null;
  let begin: () => void = () => undefined;
  /** Before the alerts are followed an answer would be missed. */
  const begun = new Promise<void>((resolve) => (begin = resolve));
  stop.addEventListener('abort', () => begin(), { once: true });

  const health = (): CanaryHealth => {
    if (broken !== null) {
      const reason = `canaries ended by themselves (${broken}); restart the process`;
      return { kind: 'failing', reason, fault: reason };
    }
    const found = watch.health();
    return found.kind === 'ok' || hint === null ? found : { ...found, reason: `${found.reason}; ${hint}` };
  };
  const tell = (): void => {
    const now = health();
    const fault = now.kind === 'ok' ? null : now.fault;
    if (fault === told) return;
    told = fault;
    if (now.kind === 'ok') events.recovered();
    else events.failing(now.reason);
  };

  const judge = (): void => {
    for (const partition of watch.overdue(clock_ms())) events.missed(partition);
  };

  const emit = async (target: CanaryTarget): Promise<void> => {
    const bytes = ports.newId();
    const id = hexOf(bytes);
    emitting.add(target.partition);
    watch.sent(target, id, clock_ms());
    events.sent(target.partition);
    try {
      await begun;
      if (stop.aborted) return;
      await ports.emit(target, bytes);
      watch.emitted(id);
    } catch (error) {
      if (watch.failed(id, codeOf(error))) events.missed(target.partition);
      tell();
    } finally {
      emitting.delete(target.partition);
    }
  };

  const look = async (): Promise<void> => {
    const emissions = new Set<Promise<void>>();
    while (!stop.aborted) {
      judge();
      for (const target of watch.due(clock_ms())) {
        if (emitting.has(target.partition)) continue;
        const emission: Promise<void> = emit(target).finally(() => emissions.delete(emission));
        emissions.add(emission);
      }
      tell();
      await ports.sleep(Math.min(LOOK_MS, watch.rest_ms(clock_ms())), stop);
    }
    await Promise.all(emissions);
  };

  const take = (bytes: Uint8Array): void => {
    judge();
    const answer = watch.answered(hexOf(bytes), clock_ms());
    if (answer === null) return;
    events.answered(answer);
    tell();
  };
  const ended = Promise.all([look(), ports.follow(take, begin, stop)]).then(
    () => undefined,
    (error: unknown) => {
      broken = codeOf(error);
      tell();
      throw error;
    },
  );
  ended.catch(() => undefined);
  return { health, counts: () => watch.counts(), ended };
}

/** Never the message: a foreign error's may quote data, and health is served to anyone. */
function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.constructor.name : typeof error;
}
