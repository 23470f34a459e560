import { type DataDirectory, ledgerKey, sealingKey } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { createLedger, DEFAULT_LIMITS, type LedgerEnd, type LedgerEvents, type LedgerSettings } from '@sealtrail/ledger';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { createLogger } from '@sealtrail/service-runtime';
import { type ChdbLedgerStore, openChdbStore } from '@sealtrail/store-chdb';
import { CompactEncrypt, importJWK, type JWK } from 'jose';
import type { Operations } from '../control/operations.ts';
import { ledgerLog } from './ledger-log.ts';
import { createOperations } from './operations.ts';
import { SealProgress } from './seal-progress.ts';
import { ensureTopics } from './topics.ts';

export interface StackOptions {
  readonly directory: DataDirectory;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Takes log lines, without their line break. */
  readonly onEvent: (line: string) => void;
}

/** The embedded deployment of one data directory, open in this process. */
export interface Stack {
  readonly operations: Operations;
  /** Other processes append to the same log through handles of their own. */
  readonly log: EventLog;
  /** Seals until `stop` aborts; at most one at a time. */
  startLedger(stop: AbortSignal): Promise<LedgerEnd>;
  roundsSealed(): number;
  close(): Promise<void>;
}

/** Rounds whose rows recovery checks: an engine in this process loses nothing that it acknowledged, the last round will do. */
const EMBEDDED_RECOVERY_ROUNDS = 2;
const LEDGER_GROUP = 'ledger';

/** Throws the errors of the directory, the log and the store. */
export async function openStack(options: StackOptions): Promise<Stack> {
  const { directory, clock_ms, random } = options;
  const { deployment } = directory;
  const hash = sha256();
  const signing = await ledgerKey(directory, random);
  const sealBytes = await sealerTo(await sealingKey(directory));
  // The store first: it is what only one process may have open.
  const store = await openChdbStore({ dir: directory.store_dir });
  let log: EventLog;
  try {
    log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms, random });
    await ensureTopics(log, deployment);
  } catch (error) {
    await store.close();
    throw error;
  }
  const progress = new SealProgress();
  const logger = createLogger({ write: (line) => options.onEvent(line.replace(/\n$/, '')), clock_ms, format: 'text' });
  const settings: LedgerSettings = {
    ...DEFAULT_LIMITS,
    recovery_rounds: EMBEDDED_RECOVERY_ROUNDS,
    audience: deployment.audience,
    topic: deployment.topic,
    registry_topic: deployment.registry_topic,
    rejected_topic: deployment.rejected_topic,
    group: LEDGER_GROUP,
    incarnation: deployment.incarnation,
    partitions: deployment.partitions,
  };
  const ledger = createLedger({
    log,
    settings,
    ports: {
      store,
      sha256: hash,
      verify: ed25519Verify(),
      random,
      clock_ms,
      sleep,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      sealBytes,
      checkpointSigner: (origin) => ({ key: noteVerifierKey(hash, origin, signing.public_key), sign: signing.sign }),
      events: both(ledgerLog(logger), progress.events),
    },
  });
  const startLedger = (stop: AbortSignal): Promise<LedgerEnd> => {
    const ended = ledger.run(stop);
    ended.then(
      (end) => progress.ended(end.kind === 'failed' ? end.cause : null),
      (error: unknown) => progress.ended(error as Error),
    );
    progress.started();
    return ended;
  };
  return {
    log,
    startLedger,
    roundsSealed: () => progress.rounds,
    operations: createOperations({ directory, store, log, progress, clock_ms, signing, group: LEDGER_GROUP, startLedger }),
    async close() {
      await Promise.all([store.close(), log.close()]);
    },
  };
}

/** Seals rejected bytes to the deployment's key: ECDH-ES on X25519, AES-256-GCM, a compact JWE (RFC 7516, RFC 8037). */
async function sealerTo(jwk: JWK): Promise<(bytes: Uint8Array) => Promise<string>> {
  const { d: _private, ...publicHalf } = jwk;
  const key = await importJWK(publicHalf, 'ECDH-ES');
  return (bytes) => new CompactEncrypt(bytes).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' }).encrypt(key);
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done, { once: true });
  });
}

/** Tells two listeners. */
function both(first: LedgerEvents, second: LedgerEvents): LedgerEvents {
  const pair =
    <A extends unknown[]>(a: (...args: A) => void, b: (...args: A) => void) =>
    (...args: A): void => {
      a(...args);
      b(...args);
    };
  return {
    recovered: pair(first.recovered, second.recovered),
    sealed: pair(first.sealed, second.sealed),
    checkpointed: pair(first.checkpointed, second.checkpointed),
    claimEnded: pair(first.claimEnded, second.claimEnded),
    eraStarted: pair(first.eraStarted, second.eraStarted),
    waiting: pair(first.waiting, second.waiting),
    lost: pair(first.lost, second.lost),
    halted: pair(first.halted, second.halted),
  };
}
