import type { DetectionEvent } from '@sealtrail/detection';
import { type Alerting, AuditFields, backtest, type CanaryRun, loadDetection, queueAgain, storedDetectionEvent } from '@sealtrail/detector';
import type { LedgerEnd } from '@sealtrail/ledger';
import type { LedgerStore } from '@sealtrail/ledger-store';
import { sleep } from '@sealtrail/service-runtime';
import { isCanary, isWireName, knownEventSchemas } from '@sealtrail/wire';
import { UsageError } from '../cli/exit.ts';
import type { AwaitSealedArguments, OnProgress, Operations, StackStatus, TenantTotals } from '../control/operations.ts';
import type { Adapters } from './adapters.ts';
import { type AlertActionContext, actOnAlerts, deadLetters, listAlerts, proveAlert, silencesOf } from './alert-answers.ts';
import type { DetectionRun } from './detection.ts';
import { checkStore, type Evidence, newestCheckpoints, proofOf } from './evidence.ts';
import { SealingError, type SealProgress } from './seal-progress.ts';

const COMMITTED_POLL_MS = 200;

export interface OperationsOptions extends Evidence {
  readonly kind: Adapters['kind'];
  readonly progress: SealProgress;
  readonly clock_ms: () => number;
  readonly startLedger: (stop: AbortSignal) => Promise<LedgerEnd>;
  /** The detector that runs in this process; null where none does. */
  readonly detection: () => DetectionRun | null;
  /** Canaries that this process sends; null where none are sent. */
  readonly canaries: () => CanaryRun | null;
  readonly alerting: () => Alerting;
}

/** What commands ask of an open deployment. */
export function createOperations(options: OperationsOptions): Operations {
  const { directory, kind, store, log, progress, startLedger, clock_ms, alerting } = options;
  const acting = (): AlertActionContext => ({ directory, kind, store, clock_ms, alerting, detection: options.detection() });
  return {
    sql: ({ sql, rows_max }) => store.select(sql, { rows_max }),
    async fsck(args, onProgress) {
      const report = await checkStore(options, args, onProgress);
      if (report.findings.length > 0) await options.detection()?.tellFindings(report.findings);
      return report;
    },
    prove: (args) => proofOf(options, args),
    checkpoint: () => newestCheckpoints(options),
    backtest: ({ tenant, ...detection }, onProgress) =>
      backtest(loadDetection(detection), storedEvents(store, tenant), (done) => done % 1_000 === 0 && onProgress('events', done, null)),

    alerts: (args) => listAlerts(store, args),
    async detection() {
      const run = options.canaries();
      if (run === null) return { running: options.detection() !== null, canaries: null };
      const found = run.health();
      return { running: true, canaries: { ok: found.kind === 'ok', reason: found.kind === 'ok' ? null : found.reason, ...run.counts() } };
    },
    alertAction: (args) => actOnAlerts(acting(), args),
    silences: () => silencesOf(acting()),
    deadLetters: ({ rows_max }) => deadLetters(store, rows_max),
    async resend({ notifier, message_id }) {
      const running = options.detection();
      if (running !== null) return running.pipeline.dispatcher.resend(notifier, message_id);
      // On servers the deployment's detector sends, wherever it runs.
      if (kind === 'distributed') return queueAgain(store.alerts, { notifier, message_id, now_ms: clock_ms() });
      throw new UsageError('no detector runs here: start `sealtrail up`, which sends messages, and resend then');
    },
    proveAlert: ({ id }) => proveAlert(store, id),

    async awaitSealed(args, onProgress) {
      // On servers the deployment's ledgers seal, wherever they run.
      if (kind === 'distributed' && !progress.running) return committedTo(options, args, onProgress);
      // While `up` runs its ledger seals; otherwise one runs here for as long as it takes.
      if (progress.running) return waitFor(progress, args, onProgress);
      const stop = new AbortController();
      const ended = startLedger(stop.signal);
      try {
        await waitFor(progress, args, onProgress);
      } finally {
        stop.abort();
        await ended;
      }
    },

    async totals({ tenant }): Promise<TenantTotals> {
      if (tenant !== null && !isWireName(tenant)) throw new UsageError(`"${tenant}" is not a tenant's name`);
      // A tenant's name holds no quote and no backslash.
      const where = tenant === null ? '' : ` WHERE tenant = '${tenant}'`;
      const { rows } = await store.select(`SELECT count() AS entries FROM audit_events${where}`);
      // As fsck counts them: those without entries, such as the one that closes a sequence, are batches too.
      const sealed = await store.select(
        `SELECT count() AS batches FROM (SELECT claim, offset FROM manifests${where}) AS m INNER JOIN intervals AS i ON m.claim = i.claim WHERE m.offset >= i.\`from\` AND m.offset < i.\`to\``,
      );
      let rejected = 0;
      for (const partition of await store.partitions()) {
        for await (const page of store.rejected({ partition })) rejected += page.length;
      }
      return { entries: Number(rows[0]?.['entries'] ?? 0), batches: Number(sealed.rows[0]?.['batches'] ?? 0), rejected };
    },

    async status(): Promise<StackStatus> {
      const { audience, topic, partitions } = directory.deployment;
      const reader = await log.reader();
      try {
        const found: StackStatus['partitions'][number][] = [];
        for (let partition = 0; partition < partitions; partition++) {
          const { end } = await reader.bounds(topic, partition);
          found.push({ partition, committed: progress.coveredTo(partition), end, halted: progress.halted(partition) });
        }
        return { audience, partitions: found };
      } finally {
        await reader.close();
      }
    },
  };
}

/** Waits until the ledgers' group has committed an offset. Throws SealingError `seal_timeout`, EventLogError. */
async function committedTo(
  { directory, log, group, clock_ms }: OperationsOptions,
  { partition, offset, timeout_ms }: AwaitSealedArguments,
  onProgress: OnProgress,
): Promise<void> {
  const deadline_ms = clock_ms() + timeout_ms;
  const admin = await log.admin();
  try {
    for (;;) {
      const sealed_to = (await admin.committed(group, directory.deployment.topic, partition))?.offset ?? 0;
      if (sealed_to >= offset) return;
      onProgress('sealing records', sealed_to, offset);
      if (clock_ms() >= deadline_ms) {
        const message = `offset ${offset} of partition ${partition} is not sealed in time: the group ${group} is at ${sealed_to}; see that a ledger runs`;
        throw new SealingError('seal_timeout', message);
      }
      await sleep(COMMITTED_POLL_MS, new AbortController().signal);
    }
  } finally {
    await admin.close();
  }
}

/**
 * Visible entries, tenant by tenant, in the order of their logs. What was altered to values that have no encoding is left out,
 * and so are canaries, which are nobody's history, unless their tenant is asked for.
 */
async function* storedEvents(store: LedgerStore, tenant: string | null): AsyncGenerator<DetectionEvent, void, undefined> {
  const fields = new AuditFields();
  const schemas = new Map(knownEventSchemas().map((schema) => [Buffer.from(schema.sha256).toString('hex'), schema]));
  for (const partition of await store.partitions()) {
    for await (const page of store.entries({ partition, ...(tenant === null ? {} : { tenant }) })) {
      for (const entry of page) {
        if (tenant === null && isCanary(entry)) continue;
        const schema = schemas.get(Buffer.from(entry.event_schema).toString('hex'));
        const event = schema === undefined ? null : storedDetectionEvent(entry, schema, fields);
        if (event !== null) yield event;
      }
    }
  }
}

async function waitFor(
  progress: SealProgress,
  { partition, offset, timeout_ms }: AwaitSealedArguments,
  onProgress: OnProgress,
): Promise<void> {
  await progress.covered(partition, offset, AbortSignal.timeout(timeout_ms), (sealed_to) =>
    onProgress('sealing records', sealed_to, offset),
  );
}
