import { randomUUID } from 'node:crypto';
import { createHygiene, type HygieneState, type Silence } from '@sealtrail/alerting';
import type { DataDirectory } from '@sealtrail/data-directory';
import { type Alerting, type AlertPipeline, CANARY_RULE_ID, standingSilences } from '@sealtrail/detector';
import { proveEntry } from '@sealtrail/evidence';
import type { AlertActionRow, AlertRow } from '@sealtrail/ledger-store';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { CANARY_TENANT_PREFIX } from '@sealtrail/wire';
import { UsageError } from '../cli/exit.ts';
import type {
  AlertActionArguments,
  AlertActionDone,
  AlertProofs,
  AlertsArguments,
  PlainAlert,
  PlainDelivery,
} from '../control/operations.ts';
import type { Adapters, DeploymentStore } from './adapters.ts';
import { type DetectionRun, stateFile } from './detection.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** An alert as commands print it. Times in ISO 8601. */
export function plainAlert({ alert, fate, fate_detail, risk_score, risk_accumulated, groups }: AlertRow): PlainAlert {
  return {
    id: hex(alert.id),
    rule_id: alert.rule_id,
    rule_title: alert.rule_title,
    level: alert.level,
    tags: alert.tags,
    tenant: alert.tenant,
    group: Object.fromEntries(alert.group),
    first_seen: new Date(alert.first_seen / 1000).toISOString(),
    last_seen: new Date(alert.last_seen / 1000).toISOString(),
    raised_at: new Date(alert.raised_at).toISOString(),
    value: alert.value,
    late: alert.late,
    events_count: alert.events_count,
    fate,
    fate_detail,
    risk: { score: risk_score, accumulated: risk_accumulated },
    groups,
    evidence: alert.evidence.map(({ event_id, leaf_hash, ...place }) => ({ event_id: hex(event_id), ...place, leaf_hash: hex(leaf_hash) })),
  };
}

/** Throws UsageError for what is no id, and where no alert has it. */
export async function alertOf(store: DeploymentStore, id: string): Promise<AlertRow> {
  if (!/^[0-9a-f]{32}$/.test(id)) throw new UsageError(`"${id}" is not an alert's id: 32 hex digits, as \`sealtrail alerts list\` shows`);
  const found = await store.alerts.alert(Buffer.from(id, 'hex'));
  if (found === null) throw new UsageError(`no alert has the id ${id}; list them with \`sealtrail alerts list\``);
  return found;
}

export async function listAlerts(store: DeploymentStore, args: AlertsArguments): Promise<readonly PlainAlert[]> {
  if (args.id !== null) return [plainAlert(await alertOf(store, args.id))];
  const rows = await store.alerts.alerts({
    rows_max: args.rows_max,
    ...(args.canaries ? {} : { except: { rule_id: CANARY_RULE_ID, tenant_prefix: CANARY_TENANT_PREFIX } }),
    ...(args.tenant === null ? {} : { tenant: args.tenant }),
    ...(args.rule_id === null ? {} : { rule_id: args.rule_id }),
    ...(args.levels === null ? {} : { levels: args.levels }),
  });
  return rows.map(plainAlert);
}

export const deadLetters = async (store: DeploymentStore, rows_max: number): Promise<readonly PlainDelivery[]> =>
  (await store.alerts.deliveries({ states: ['DEAD'], rows_max })).map((row) => ({
    message_id: row.message_id,
    notifier: row.notifier,
    attempts: row.attempts,
    status: row.status,
    reason: row.reason,
    alerts_count: row.alerts_count,
    updated_at: new Date(row.updated_at).toISOString(),
  }));

/** A proof for each event that the alert rests on; why there is none, where it is not sealed yet. */
export async function proveAlert(store: DeploymentStore, id: string): Promise<AlertProofs> {
  const { alert } = await alertOf(store, id);
  const proofs: AlertProofs['proofs'][number][] = [];
  for (const { event_id, topic, incarnation, partition, offset, index, leaf_hash } of alert.evidence) {
    const place = { event_id: hex(event_id), topic, partition, offset, index };
    // Its record may hold events that are sealed: the first of them is not what the alert rests on.
    if (leaf_hash.every((byte) => byte === 0)) {
      proofs.push({ ...place, entry: null, proof: null, reason: 'it is a finding about the record at this offset, and no event' });
      continue;
    }
    const key = { topic, incarnation, partition };
    let found: { entry: number; log: string } | null = null;
    for await (const page of store.manifests({ partition: key, offsets: { from: offset, to: offset + 1 } })) {
      for (const { manifest, tenant } of page) {
        if (tenant === alert.tenant) found = { entry: manifest.first_entry + index, log: hex(manifest.log) };
      }
    }
    if (found === null) {
      proofs.push({
        ...place,
        entry: null,
        proof: null,
        reason: 'no sealed batch stands at this offset: it is not sealed yet, or was rejected',
      });
      continue;
    }
    const options = { sha256: sha256(), ed25519Verify: ed25519Verify(), checkpoint: { kind: 'stored' } } as const;
    const proof = await proveEntry(store, { tenant: alert.tenant, ...found, ...options });
    proofs.push({ ...place, entry: found.entry, proof, reason: null });
  }
  return { alert: id, rule_title: alert.rule_title, tenant: alert.tenant, proofs };
}

export interface AlertActionContext {
  readonly directory: DataDirectory;
  readonly store: DeploymentStore;
  readonly clock_ms: () => number;
  readonly kind: Adapters['kind'];
  /** The detector that runs in this process; null where none does. */
  readonly detection: Pick<DetectionRun, 'pipeline' | 'lookAtActions'> | null;
  readonly alerting: () => Alerting;
}

/** What somebody does about alerts: first a row that says so, then the change itself. Throws UsageError, AlertingError. */
export async function actOnAlerts(context: AlertActionContext, args: AlertActionArguments): Promise<AlertActionDone> {
  const { store, clock_ms } = context;
  const now = clock_ms();
  const id = randomUUID();
  const row: Omit<AlertActionRow, 'action'> = {
    id,
    alert_id: null,
    silence_id: null,
    matchers: null,
    silence_from: null,
    silence_until: null,
    by: args.by,
    why: args.why,
    at: now,
  };
  switch (args.kind) {
    case 'acknowledge': {
      const { alert, groups } = await alertOf(store, args.alert);
      const { hygiene, keepState } = await openHygiene(context);
      await keep(store, { ...row, action: 'ACKNOWLEDGED', alert_id: alert.id });
      hygiene.acknowledge(groups);
      await keepState();
      return { action: id, silence: null };
    }
    case 'silence': {
      const silence: Silence = { id, matchers: args.matchers, from_ms: now, until_ms: now + args.for_ms, by: args.by, why: args.why };
      const { hygiene, keepState } = await openHygiene(context);
      // Refused before it is written down.
      hygiene.silence(silence);
      const matchers = JSON.stringify(args.matchers);
      await keep(store, { ...row, action: 'SILENCED', silence_id: id, matchers, silence_from: now, silence_until: silence.until_ms });
      await keepState();
      return { action: id, silence: id };
    }
    case 'unsilence': {
      const { hygiene, keepState } = await openHygiene(context);
      if (!hygiene.unsilence(args.silence)) {
        throw new UsageError(`no silence has the id ${args.silence}; list them with \`sealtrail alerts silences\``);
      }
      await keepState();
      await keep(store, { ...row, action: 'UNSILENCED', silence_id: args.silence });
      return { action: id, silence: args.silence };
    }
  }
}

export async function silencesOf(context: AlertActionContext): Promise<readonly Silence[]> {
  const { hygiene } = await openHygiene(context);
  return hygiene.silences().filter(({ until_ms }) => until_ms > context.clock_ms());
}

interface OpenHygiene {
  readonly hygiene: Pick<AlertPipeline['hygiene'], 'silence' | 'unsilence' | 'silences' | 'acknowledge'>;
  /** Makes a change to it durable. */
  keepState(): Promise<void>;
}

/** The hygiene of the detector that runs here, or else one with what is kept where that of this deployment is. */
async function openHygiene({ directory, store, clock_ms, kind, detection, alerting }: AlertActionContext): Promise<OpenHygiene> {
  if (detection !== null) {
    await detection.lookAtActions();
    const { pipeline } = detection;
    return { hygiene: pipeline.hygiene, keepState: () => pipeline.changed() };
  }
  const hash = sha256();
  const options = { new_id: randomUUID, digest: (text: string) => hex(hash.digest(new TextEncoder().encode(text))) };
  if (kind === 'distributed') {
    // On servers a detector follows the rows, wherever it runs: what it makes of them holds, and no file of this folder.
    const hygiene = createHygiene({ ...options, routes: [] });
    for (const silence of await standingSilences(store.alerts, clock_ms())) hygiene.silence(silence);
    return { hygiene, keepState: async () => undefined };
  }
  const file = stateFile(directory);
  const kept = await file.load();
  const state = kept === null ? {} : { state: JSON.parse(kept) as HygieneState };
  const hygiene = createHygiene({ ...alerting().hygiene, ...options, ...state });
  return { hygiene, keepState: () => file.save(JSON.stringify(hygiene.state())) };
}

async function keep(store: DeploymentStore, row: AlertActionRow): Promise<void> {
  const outcome = await store.alerts.insertActions([row]);
  if (outcome.kind !== 'stored') throw outcome.cause;
}
