import { type CheckpointRow, comparePartitions, type LedgerStore, type PartitionKey } from '@sealtrail/ledger-store';
import type { Checkpoint } from '@sealtrail/merkle';
import { operatorLogOrigin, readCheckpoint } from '@sealtrail/verify';
import { EvidenceError } from '../errors.ts';
import { partitionName } from '../partition-name.ts';
import { checkLogs } from './check-logs.ts';
import { checkOffsets } from './check-offsets.ts';
import { checkRounds } from './check-rounds.ts';
import { type PartitionCommits, sortCommits } from './commit-rows.ts';
import type { FsckInput, OnProgress, PartitionCheck } from './context.ts';
import { Findings, type FsckReport } from './findings.ts';
import { LogSummaries } from './log-summaries.ts';
import { OffsetTally } from './offset-tally.ts';
import { OperatorLog, type StoredCheckpoints } from './operator-log.ts';
import { Ranges } from './ranges.ts';
import { type RecordedRoot, RegistryHistory } from './registry-history.ts';
import { RemovedRecords } from './removed-batches.ts';
import { scanRounds } from './scan-rounds.ts';

const FINDINGS_MAX = 10_000;

/**
 * Recomputes the whole store and names what does not hold. Reads every row once, rounds twice; memory grows with the number
 * of logs, of key records and of findings, never with that of rows. What is committed while it runs is left for the next run.
 * Throws EvidenceError `input_malformed` for a saved checkpoint that is none; LedgerStoreError of the store.
 */
export async function fsck(input: FsckInput, onProgress: OnProgress = () => undefined): Promise<FsckReport> {
  const findings = new Findings(input.findings_max ?? FINDINGS_MAX);
  const totals = { entries: 0, batches: 0, rounds: 0 };
  for (const name of input.altered_views ?? []) {
    findings.add('view_altered', null, {
      detail: `${name}, through which analysts read, was not what this build makes: what it showed may be false; it is renewed, ask again what was asked of it`,
    });
  }
  for (const { table, part } of input.unreadable ?? []) {
    findings.add('part_unreadable', null, {
      detail: `part ${part} of table ${table} cannot be read, its files are not what was written: its rows are looked for in vain; restore the part`,
    });
  }
  const partitions = new Map<string, PartitionKey>();
  for (const key of [...(await input.store.partitions()), ...(input.committed ?? [])]) {
    const { topic, incarnation, partition } = key;
    partitions.set(partitionName(key), { topic, incarnation, partition });
  }
  const keys = [...partitions.values()].sort(comparePartitions);
  const originOf = (key: PartitionKey): string => operatorLogOrigin(input.audience, key.incarnation, key.partition);
  // Asked before the commit rows are read: a checkpoint that is published meanwhile would cover rounds that those do not.
  const newest = new Map<string, number>();
  for (const origin of new Set(keys.map(originOf))) {
    newest.set(origin, (await input.store.latestCheckpoint(origin))?.size ?? Number.NEGATIVE_INFINITY);
  }
  const saved = readSaved(input, keys.map(originOf), findings);
  const commits = await sortCommits(input, keys);
  const registry = new RegistryHistory(input.sha256, await input.store.keyRecords(), await latestRegistryRoot(input, commits), findings);
  const rowsOf = (key: PartitionKey): PartitionCommits => commits.get(partitionName(key)) as PartitionCommits;
  // An origin does not name the topic: of partitions that share one, the longest is the one that was signed.
  const signed = new Set<string>();
  for (const key of [...keys].sort((a, b) => endOf(rowsOf(b)) - endOf(rowsOf(a)))) {
    const rows = rowsOf(key);
    if (rows.own.length === 0 && rows.shown.length > 0) continue;
    const origin = originOf(key);
    const checkpoints = signed.has(origin)
      ? { stored: noCheckpoints(), saved: [] }
      : { stored: checkpointsUpTo(input.store, origin, newest.get(origin) as number), saved: saved.get(origin) ?? [] };
    signed.add(origin);
    await checkPartition(input, key, rows, checkpoints, { registry, findings, totals, progress: onProgress });
  }
  return { ok: findings.count === 0, ...totals, findings: findings.list, findings_dropped: findings.dropped };
}

/** Stored checkpoints of at most this size, page by page. */
async function* checkpointsUpTo(store: LedgerStore, origin: string, size: number): AsyncGenerator<readonly CheckpointRow[]> {
  for await (const page of store.checkpoints(origin)) {
    const known = page.filter((row) => row.size <= size);
    if (known.length > 0) yield known;
    if (known.length < page.length) return;
  }
}

async function* noCheckpoints(): AsyncGenerator<readonly CheckpointRow[]> {}

const endOf = ({ own }: PartitionCommits): number => own.at(-1)?.to ?? 0;

async function checkPartition(
  input: FsckInput,
  key: PartitionKey,
  rows: PartitionCommits,
  checkpoints: { readonly stored: StoredCheckpoints; readonly saved: readonly Checkpoint[] },
  shared: Pick<PartitionCheck, 'registry' | 'findings' | 'totals' | 'progress'>,
): Promise<void> {
  const { store, sha256, audience } = input;
  const committed = input.committed?.find((place) => comparePartitions(place, key) === 0) ?? null;
  const last = rows.own.at(-1);
  const check: PartitionCheck = {
    ...shared,
    input,
    key,
    commits: rows.own,
    rows,
    start: rows.own[0]?.from ?? 0,
    end: last?.to ?? 0,
    hidden: new Ranges(),
    unbound: new Ranges(),
    logs: new LogSummaries(sha256, audience, key),
    troubles: [],
    strays: new Map(),
    ends: new Map(),
    removed: new RemovedRecords(input, key),
    registrySizes: [],
    tally: new OffsetTally(),
    report: (code, at) => shared.findings.add(code, key, at),
  };
  const before = shared.findings.count;
  const scan = await scanRounds({ store, sha256, key }, last);
  // A last commit row that was set back hides the rest of its round.
  if (scan.tip_to !== null) check.hidden.add({ from: check.end, to: scan.tip_to });
  await checkRounds(check, scan, new OperatorLog(check, checkpoints.stored, checkpoints.saved, committed));
  await checkLogs(check);
  if (shared.findings.count === before) await checkOffsets(check);
}

/** Saved checkpoints by origin. Those of no partition here are findings of their own. */
function readSaved(input: FsckInput, origins: readonly string[], findings: Findings): ReadonlyMap<string, readonly Checkpoint[]> {
  const byOrigin = new Map<string, Checkpoint[]>(origins.map((origin) => [origin, []]));
  for (const { note, keys: signers } of input.saved_checkpoints ?? []) {
    const reading = readCheckpoint(note, signers, input.ed25519Verify);
    if (reading.kind === 'refused') {
      if (reading.checkpoint === null) throw new EvidenceError('input_malformed', `the saved checkpoint cannot be read: ${reading.detail}`);
      findings.add('saved_checkpoint_invalid', null, {
        round: reading.checkpoint.size,
        detail: `the saved checkpoint of ${reading.checkpoint.origin}: ${reading.detail}`,
      });
      continue;
    }
    const { checkpoint } = reading;
    const here = byOrigin.get(checkpoint.origin);
    if (here !== undefined) here.push(checkpoint);
    else if (checkpoint.size > 0) {
      findings.add('saved_checkpoint_foreign', null, {
        round: checkpoint.size,
        detail: `the saved checkpoint is of ${checkpoint.origin}, of which the store has nothing: it belongs to another deployment, or a whole partition was removed`,
      });
    }
  }
  return byOrigin;
}

/** The registry's root that the last committed rounds record, of the largest size: it tells doubled key records apart. */
async function latestRegistryRoot(input: FsckInput, commits: ReadonlyMap<string, PartitionCommits>): Promise<RecordedRoot | null> {
  let latest: RecordedRoot | null = null;
  for (const { own } of commits.values()) {
    const last = own.at(-1);
    const tip = last === undefined ? null : await input.store.round(last.round_hash);
    if (tip !== null && tip.round.registry_size > (latest?.size ?? 0))
      latest = { size: tip.round.registry_size, root: tip.round.registry_root };
  }
  return latest;
}
