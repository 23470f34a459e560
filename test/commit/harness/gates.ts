/** Ports of a world: each call waits at a gate before its effect and again before its answer, and what took effect is seen. */
import type { Assignment, CommitOutcome, EventLog, EventLogConsumer } from '@sealtrail/event-log';
import type { InsertOutcome, LedgerStore } from '@sealtrail/ledger-store';

export type Gate = () => Promise<void>;

type Call = (...args: never[]) => unknown;

/** `part` with the named methods behind the gate. */
function gated<T extends object>(part: T, methods: readonly (keyof T)[], gate: Gate): T {
  const behind: Partial<T> = {};
  for (const name of methods) {
    const method = part[name] as Call;
    behind[name] = (async (...args: never[]) => {
      await gate();
      const answer = await method.apply(part, args);
      await gate();
      return answer;
    }) as T[keyof T];
  }
  return { ...part, ...behind };
}

export interface LogWatch {
  committed(assignment: Assignment, offset: number, metadata: string): void;
}

export function gatedLog(log: EventLog, gate: Gate, watch: LogWatch): EventLog {
  const assignmentOf = (assignment: Assignment): Assignment => ({
    ...gated(assignment, ['committed', 'bounds', 'read', 'holds'], gate),
    async commit(offset, metadata): Promise<CommitOutcome> {
      await gate();
      const outcome = await assignment.commit(offset, metadata);
      if (outcome.kind === 'committed') watch.committed(assignment, offset, metadata);
      await gate();
      return outcome;
    },
  });
  const consumerOf = (consumer: EventLogConsumer): EventLogConsumer => ({
    run: (handle, stop) => consumer.run((assignment) => handle(assignmentOf(assignment)), stop),
  });
  return {
    producer: async () => gated(await log.producer(), ['append', 'position'], gate),
    reader: async () => gated(await log.reader(), ['bounds', 'read'], gate),
    admin: async () => gated(await log.admin(), ['topic', 'createTopics'], gate),
    consumer: async (options) => consumerOf(await log.consumer(options)),
    close: () => log.close(),
  };
}

export interface StoreWatch {
  /** An insert took effect, in whole or in part. */
  inserted(method: keyof LedgerStore, args: readonly unknown[]): void;
  /** How many of `rows` an insert stores before it fails; null for one that does not fail. */
  torn(rows: number): number | null;
  /** Takes over what a torn insert has not stored: it may land later, or never. */
  later(effect: () => Promise<void>): void;
}

const INSERTS = [
  'insertEntries',
  'insertManifests',
  'insertHeads',
  'insertRejected',
  'insertDuplicates',
  'insertRound',
  'insertCommit',
  'insertCheckpoint',
  'insertKeyRecords',
] as const satisfies readonly (keyof LedgerStore)[];
const ANSWERS = [
  'partitions',
  'commits',
  'round',
  'head',
  'sequences',
  'unsealedCount',
  'sealedHeader',
  'latestCheckpoint',
  'keyRecords',
] as const;
const PAGES = ['rounds', 'logSizes', 'heads', 'manifests', 'entries', 'batchLeaves', 'rejected', 'duplicates', 'checkpoints'] as const;

export function gatedStore(store: LedgerStore, gate: Gate, watch: StoreWatch): LedgerStore {
  const behind: Record<string, unknown> = { ...gated(store, ANSWERS, gate) };
  for (const name of INSERTS) {
    behind[name] = async (...args: unknown[]): Promise<InsertOutcome> => {
      await gate();
      const outcome = await insert(store, name, args, watch);
      await gate();
      return outcome;
    };
  }
  for (const name of PAGES) {
    behind[name] = async function* (...args: never[]): AsyncGenerator<unknown> {
      await gate();
      for await (const page of (store[name] as (...args: never[]) => AsyncIterable<unknown>)(...args)) yield page;
      await gate();
    };
  }
  return behind as unknown as LedgerStore;
}

async function insert(
  store: LedgerStore,
  name: (typeof INSERTS)[number],
  args: readonly unknown[],
  watch: StoreWatch,
): Promise<InsertOutcome> {
  const call = store[name] as (...args: unknown[]) => Promise<InsertOutcome>;
  const rows = args[args.length - 1];
  const kept = Array.isArray(rows) && args.length === 3 ? watch.torn(rows.length) : null;
  if (kept === null || !Array.isArray(rows)) {
    const outcome = await call(...args);
    watch.inserted(name, args);
    return outcome;
  }
  const some = (part: readonly unknown[]): Promise<InsertOutcome> => call(...args.slice(0, -1), part);
  if (kept > 0) await some(rows.slice(0, kept));
  watch.inserted(name, args);
  for (const row of rows.slice(kept)) {
    watch.later(async () => {
      await some([row]);
      watch.inserted(name, args);
    });
  }
  return { kind: 'in_doubt', cause: new Error(`${name} stored ${kept} of ${rows.length} rows`) };
}
