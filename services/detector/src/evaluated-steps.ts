import type { AlertRecord } from '@sealtrail/wire';
import { AlertQueue } from './alert-queue.ts';
import type { EvaluatedFacts } from './ports.ts';
import type { Progress } from './progress.ts';

export interface EvaluatedOptions {
  /** Makes alerts durable, or throws for good. */
  readonly raise: (alerts: readonly AlertRecord[]) => Promise<void>;
  readonly tell: (facts: EvaluatedFacts) => void;
}

interface Step {
  readonly progress: Progress;
  /** Of the queue, with its own. */
  readonly alerts_to: number;
  readonly facts: EvaluatedFacts | null;
}

/** With more alerts on their way, or so many steps that wait to be told after them, evaluation waits for the sink. */
const ALERTS_WAITING_MAX = 1_000;
const STEPS_WAITING_MAX = 100;

/** What was evaluated, step by step. A step is told, and may be committed, once its alerts and all before them are durable. */
export class EvaluatedSteps {
  readonly #queue: AlertQueue;
  readonly #tell: EvaluatedOptions['tell'];
  /** In order, until their alerts are durable. */
  readonly #steps: Step[] = [];
  #durable: Progress | null = null;

  constructor({ raise, tell }: EvaluatedOptions) {
    this.#tell = tell;
    this.#queue = new AlertQueue(raise, () => this.#advance());
  }

  /** All up to there is evaluated, and its alerts are durable. */
  get durable(): Progress | null {
    return this.#durable;
  }

  get isAllDurable(): boolean {
    return this.#steps.length === 0;
  }

  /**
   * Raises the step's alerts. They go out while the next one is evaluated; the promise waits for the sink only where too much
   * is on its way. `facts` is null where there is nothing to tell. Throws what `raise` threw.
   */
  async add(progress: Progress, alerts: readonly AlertRecord[], facts: EvaluatedFacts | null): Promise<void> {
    this.#queue.add(alerts);
    this.#steps.push({ progress, alerts_to: this.#queue.added, facts });
    const waiting = this.#queue.added - this.#queue.durable;
    if (waiting > ALERTS_WAITING_MAX || this.#steps.length > STEPS_WAITING_MAX) await this.#queue.settled();
    this.#advance();
  }

  /** Resolves when the sink is not called any more, however that ended. */
  rests(): Promise<void> {
    return this.#queue.rests();
  }

  #advance(): void {
    for (let step = this.#steps[0]; step !== undefined && step.alerts_to <= this.#queue.durable; step = this.#steps[0]) {
      this.#steps.shift();
      this.#durable = step.progress;
      if (step.facts !== null) this.#tell(step.facts);
    }
  }
}
