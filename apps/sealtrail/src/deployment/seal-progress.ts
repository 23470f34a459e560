import type { LedgerEvents } from '@sealtrail/ledger';
import { Changes } from './changes.ts';

/** Why a wait for sealing ended without it. */
export class SealingError extends Error {
  readonly code: 'ledger_halted' | 'ledger_failed' | 'seal_timeout';
  constructor(code: SealingError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SealingError';
    this.code = code;
  }
}

interface PartitionProgress {
  sealed_to: number;
  checkpointed_to: number;
  halted: string | null;
}

/** How far the ledger of this process has come, for those who wait for it. */
export class SealProgress {
  readonly #partitions = new Map<number, PartitionProgress>();
  readonly #changes = new Changes();
  #running = false;
  #failure: Error | null = null;
  #tellTookUp = (): void => undefined;
  /** Resolves when the first partition is taken up, or the ledger has ended without. */
  readonly tookUp: Promise<void> = new Promise((resolve) => {
    this.#tellTookUp = resolve;
  });
  rounds = 0;

  readonly events: LedgerEvents = {
    recovered: ({ partition }, { offset }) => {
      this.#change(partition, (p) => void (p.sealed_to = Math.max(p.sealed_to, offset)));
      this.#tellTookUp();
    },
    sealed: ({ partition }, { to }) => {
      this.rounds++;
      this.#change(partition, (p) => void (p.sealed_to = to));
    },
    checkpointed: ({ partition }, { to }) => this.#change(partition, (p) => void (p.checkpointed_to = to)),
    claimEnded: () => undefined,
    eraStarted: () => undefined,
    waiting: () => undefined,
    lost: () => undefined,
    halted: ({ partition }, { message }) => this.#change(partition, (p) => void (p.halted = message)),
  };

  get running(): boolean {
    return this.#running;
  }

  started(): void {
    this.#running = true;
    this.#failure = null;
    for (const progress of this.#partitions.values()) progress.halted = null;
  }

  ended(failure: Error | null): void {
    this.#running = false;
    this.#failure = failure;
    this.#tellTookUp();
    this.#changes.tell();
  }

  halted(partition: number): string | null {
    return this.#partitions.get(partition)?.halted ?? null;
  }

  /** Offset before which everything is sealed, and covered by a checkpoint. */
  coveredTo(partition: number): number {
    return this.#partitions.get(partition)?.checkpointed_to ?? 0;
  }

  /** Resolves once a checkpoint covers every record before `offset`. Throws SealingError. */
  async covered(partition: number, offset: number, stop: AbortSignal, onProgress: (to: number) => void): Promise<void> {
    while (this.coveredTo(partition) < offset) {
      const halt = this.halted(partition);
      if (halt !== null) throw new SealingError('ledger_halted', halt);
      if (this.#failure !== null)
        throw new SealingError('ledger_failed', `the ledger stopped (${this.#failure.message}); run the command again`, {
          cause: this.#failure,
        });
      if (stop.aborted)
        throw new SealingError(
          'seal_timeout',
          `offset ${offset} is not sealed in time: the ledger is at ${this.coveredTo(partition)}; see \`sealtrail up\``,
        );
      onProgress(this.#partitions.get(partition)?.sealed_to ?? 0);
      await this.#changes.next(stop);
    }
  }

  #change(partition: number, change: (progress: PartitionProgress) => void): void {
    const progress = this.#partitions.get(partition) ?? { sealed_to: 0, checkpointed_to: 0, halted: null };
    change(progress);
    this.#partitions.set(partition, progress);
    this.#changes.tell();
  }
}
