/** A ledger on a log and a store, run until an offset is committed. */
import { randomBytes } from 'node:crypto';
import type { EventLog } from '@sealtrail/event-log';
import { createLedger, EMBEDDED_LIMITS, type LedgerSettings } from '@sealtrail/ledger';
import type { LedgerStore } from '@sealtrail/ledger-store';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { AUDIENCE, publicKey, REGISTRY_TOPIC, REJECTED_TOPIC, sign, TOPIC } from './batches.ts';

export interface RunLedger {
  /** Resolves when every record before `offset` is committed and visible. */
  sealedTo(offset: number): Promise<void>;
  stop(): Promise<void>;
  readonly rounds: number;
  /** What went wrong, once something does. */
  readonly failed: Promise<Error>;
}

export interface RunLedgerOptions {
  readonly settings?: Partial<LedgerSettings>;
  /** Called when a round is published: every record before `to` is stored and visible. */
  readonly onSealed?: (to: number, partition: number) => void;
}

export function runLedger(log: EventLog, store: LedgerStore, options: RunLedgerOptions = {}): RunLedger {
  const hash = sha256();
  const stop = new AbortController();
  let to = 0;
  let rounds = 0;
  let failure: Error | null = null;
  let wake = (): void => undefined;
  let tellFailure = (_cause: Error): void => undefined;
  const failed = new Promise<Error>((resolve) => {
    tellFailure = resolve;
  });
  const fail = (cause: Error): void => {
    failure = cause;
    tellFailure(cause);
    wake();
  };
  const ledger = createLedger({
    log,
    settings: {
      ...EMBEDDED_LIMITS,
      recovery_rounds: 1,
      audience: AUDIENCE,
      topic: TOPIC,
      registry_topic: REGISTRY_TOPIC,
      rejected_topic: REJECTED_TOPIC,
      group: 'ledger',
      incarnation: 1,
      partitions: 1,
      ...options.settings,
    },
    ports: {
      store,
      sha256: hash,
      verify: ed25519Verify(),
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      clock_ms: Date.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const timer = setTimeout(resolve, ms);
          signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
        }),
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      sealBytes: async () => '',
      checkpointSigner: (origin) => ({ key: noteVerifierKey(hash, origin, publicKey), sign }),
      events: {
        recovered: () => undefined,
        sealed: ({ partition }, facts) => {
          rounds++;
          if (facts.rejected.length > 0) fail(new Error(`records were rejected: ${facts.rejected.join(' ')}`));
          to = facts.to;
          options.onSealed?.(to, partition);
          wake();
        },
        checkpointed: () => undefined,
        claimEnded: (_, cause) => fail(cause),
        eraStarted: () => undefined,
        waiting: (_, what, cause) => fail(new Error(`${what}: ${cause.message}`, { cause })),
        lost: () => undefined,
        halted: (_, halt) => fail(new Error(halt.message)),
      },
    },
  });
  const ended = ledger.run(stop.signal);
  ended.then((end) => end.kind === 'failed' && fail(end.cause)).catch((error: unknown) => fail(error as Error));
  return {
    failed,
    get rounds() {
      return rounds;
    },
    async sealedTo(offset) {
      while (to < offset && failure === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== null) throw failure;
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}
