/** What must hold of a log and a store once everything has come to rest. */
import { createHash } from 'node:crypto';
import type { LogRecord } from '@sealtrail/event-log';
import { type CommittedPlace, fsck } from '@sealtrail/evidence';
import { parseCommitMetadata } from '@sealtrail/ledger';
import { parseCheckpoint } from '@sealtrail/merkle';
import { sha256 } from '@sealtrail/merkle/node';
import {
  emptyPartition,
  emptyRegistry,
  emptyTenant,
  examineRecord,
  extendRegistry,
  type PartitionState,
  recordedAtOf,
  type SealedRound,
  sealedHeaderKeyText,
  sealRound,
  type TenantState,
} from '@sealtrail/seal';
import { judge, type Verdict } from './judge.ts';
import { claimsOf, visibleRows } from './visible-rows.ts';
import { committedRounds, watch } from './watch.ts';
import { TOPIC, Violation, type World } from './world.ts';

/** Throws Violation. */
export async function consult(world: World): Promise<void> {
  watch(world);
  for (let partition = 0; partition < world.options.partitions; partition++) {
    const rounds = committedRounds(world, partition);
    const records = world.log.records(TOPIC, partition);
    const start = records[0]?.offset ?? 0;
    const end = start + records.length;
    same(`offsets of the rounds of ${partition}`, boundaries(rounds.map(({ round }) => round)), records.length === 0 ? [] : [start, end]);

    const rebuilt = rebuild(
      world,
      partition,
      rounds.map(({ round }) => round),
      records,
    );
    same(
      `hashes of the rounds of ${partition}`,
      rounds.map(({ hash }) => hex(hash)),
      rebuilt.map(({ hash }) => hex(hash)),
    );
    compareRows(world, partition, rebuilt);
    compareVerdicts(world, partition, rebuilt);
    compareCheckpoints(
      world,
      partition,
      rebuilt.map(({ hash }) => hash),
    );
    compareRejectedTopic(world, partition, rebuilt);

    const ordinals = [...claimsOf(world.store.tables, world.key(partition)).values()].map(({ ordinal }) => ordinal);
    if (new Set(ordinals).size !== ordinals.length)
      throw new Violation(`two claims of ${partition} with commit rows share an ordinal: ${ordinals}`);
  }
  await checkStore(world);
}

/** fsck, which knows nothing of the rest, finds nothing but what the test has done itself. */
async function checkStore(world: World): Promise<void> {
  const report = await fsck({
    store: world.store,
    audience: world.settings.audience,
    sha256: HASH,
    ed25519Verify: world.pure.verify,
    checkpointKey: (origin) => world.pure.checkpointSigner(origin).key,
    committed: committedPlaces(world),
  });
  const unknown = report.findings.filter(({ code }) => !world.knownFindings.has(code));
  if (unknown.length > 0) throw new Violation(`fsck finds ${JSON.stringify(unknown.slice(0, 3))}`);
}

function committedPlaces(world: World): readonly CommittedPlace[] {
  return Array.from({ length: world.options.partitions }, (_, partition) => {
    const committed = world.log.committed(partition);
    const metadata = committed === null ? null : parseCommitMetadata(committed.metadata);
    return metadata === null ? [] : [{ ...world.key(partition), offset: metadata.to, round_hash: metadata.round_hash }];
  }).flat();
}

/** [first, last], or everything where two do not join. */
function boundaries(rounds: readonly { readonly from: number; readonly to: number }[]): readonly number[] {
  const joined = rounds.every((round, i) => round.from < round.to && (i === 0 || rounds[i - 1]?.to === round.from));
  const [first] = rounds;
  if (!joined) return rounds.flatMap(({ from, to }) => [from, to]);
  return first === undefined ? [] : [first.from, (rounds[rounds.length - 1] as (typeof rounds)[number]).to];
}

/** Seals the log from its first record in rounds of the same sizes, each under as much of the registry as it names. */
function rebuild(
  world: World,
  partition: number,
  rounds: readonly { readonly from: number; readonly to: number; readonly registry_size: number }[],
  records: readonly LogRecord[],
): readonly SealedRound[] {
  const { audience, incarnation, partitions, registry_topic } = world.settings;
  const identity = { audience, topic: TOPIC, incarnation, partition, partitions };
  const keys = world.log.records(registry_topic, 0).map(({ value }) => value ?? new Uint8Array(0));
  const tenants = new Map<string, TenantState>();
  const sealedHeaders = new Map<string, Uint8Array>();
  const start = records[0]?.offset ?? 0;
  let state: PartitionState = { ...emptyPartition(), next_offset: start };
  return rounds.map(({ from, to, registry_size }) => {
    const registry = extendRegistry(HASH, emptyRegistry(HASH), keys.slice(0, registry_size));
    let recordedAt = state.recorded_at;
    const examined = records.slice(from - start, to - start).map((record) => {
      recordedAt = recordedAtOf(record, recordedAt);
      return examineRecord({ sha256: HASH, verify: world.pure.verify, identity, registry }, record, recordedAt);
    });
    for (const one of examined) {
      if (one.kind !== 'sound') continue;
      const { tenant } = one.batch.header;
      if (!tenants.has(tenant)) tenants.set(tenant, emptyTenant(HASH, identity, tenant, null));
    }
    const sealed = sealRound({ sha256: HASH, identity, state, registry, tenants, sealedHeaders, examined });
    for (const { batch } of sealed.batches) sealedHeaders.set(sealedHeaderKeyText(batch.header), batch.header_hash);
    for (const [tenant, next] of sealed.next.tenants) tenants.set(tenant, next);
    state = sealed.next.partition;
    return sealed;
  });
}

/** The visible rows are those of the rebuild: none more, none less, none twice. */
function compareRows(world: World, partition: number, rebuilt: readonly SealedRound[]): void {
  const rows = visibleRows(world.store.tables, world.key(partition));
  const batches = rebuilt.flatMap((round) => round.batches);
  same(
    `entries of ${partition}`,
    rows.entries
      .map((row) => `${row.tenant} ${hex(row.log)} ${row.entry} ${hex(row.leaf_hash)} ${row.offset} ${row.position} ${row.batch_index}`)
      .sort(),
    batches
      .flatMap(({ batch, manifest }) =>
        Array.from({ length: batch.header.count }, (_, i) => {
          const leaf = hex(batch.leaves.subarray(32 * i, 32 * i + 32));
          return `${batch.header.tenant} ${hex(manifest.log)} ${manifest.first_entry + i} ${leaf} ${manifest.offset} ${manifest.position} ${i}`;
        }),
      )
      .sort(),
  );
  same(
    `manifests of ${partition}`,
    rows.manifests.map((row) => `${row.manifest.offset} ${hex(row.manifest_hash)}`).sort(),
    batches.map(({ manifest, manifest_hash }) => `${manifest.offset} ${hex(manifest_hash)}`).sort(),
  );
  same(
    `heads of ${partition}`,
    rows.heads.map(({ tenant, head, offset }) => `${tenant} ${head.size} ${head.entries} ${hex(head.root)} ${offset}`).sort(),
    rebuilt
      .flatMap(({ round, heads }) =>
        heads.map(({ tenant, head }) => `${tenant} ${head.size} ${head.entries} ${hex(head.root)} ${round.to - 1}`),
      )
      .sort(),
  );
  same(
    `rejected records of ${partition}`,
    rows.rejected.map((row) => `${row.offset} ${row.reason} ${row.length} ${hex(row.digest)}`).sort(),
    rebuilt.flatMap(({ rejected }) => rejected.map(({ rejection: r }) => `${r.offset} ${r.reason} ${r.length} ${hex(r.digest)}`)).sort(),
  );
  same(
    `duplicates of ${partition}`,
    rows.duplicates.map(({ duplicate: d, tenant }) => `${d.offset} ${tenant} ${hex(d.header_hash)}`).sort(),
    rebuilt.flatMap(({ duplicates }) => duplicates.map(({ duplicate: d, tenant }) => `${d.offset} ${tenant} ${hex(d.header_hash)}`)).sort(),
  );
  for (const entries of groupedBy(rows.entries, (row) => row.tenant).values()) {
    const numbers = entries.map((row) => row.entry).sort((a, b) => a - b);
    same(
      `entry numbers of ${entries[0]?.tenant} on ${partition}`,
      numbers,
      numbers.map((_, i) => i),
    );
  }
}

/** Every record has the one verdict that its maker expects. */
function compareVerdicts(world: World, partition: number, rebuilt: readonly SealedRound[]): void {
  const records = world.options.records.filter((record) => record.partition === partition);
  const start = world.log.records(TOPIC, partition)[0]?.offset ?? 0;
  const registryAt = (i: number): number => rebuilt.find(({ round }) => start + i < round.to)?.round.registry_size ?? 0;
  const rows = visibleRows(world.store.tables, world.key(partition));
  const found: (Verdict | undefined)[] = records.map(() => undefined);
  for (const { manifest } of rows.manifests) found[manifest.offset - start] = { kind: 'accepted', events: manifest.header.count };
  for (const { duplicate } of rows.duplicates) found[duplicate.offset - start] = { kind: 'duplicate' };
  for (const { offset, reason } of rows.rejected) found[offset - start] = { kind: 'rejected', reason };
  same(`verdicts of ${partition}`, found, judge(records, registryAt));
}

/** Every checkpoint that was signed or stored has the root over the first rounds: so any two of them are consistent. */
function compareCheckpoints(world: World, partition: number, hashes: readonly Uint8Array[]): void {
  const { audience, incarnation } = world.settings;
  const origin = `${audience}/operator/${incarnation}/${partition}`;
  const signed = world.signed.map(parseCheckpoint).filter((checkpoint) => checkpoint !== null && checkpoint.origin === origin);
  const stored = world.store.tables.checkpoints.filter((row) => row.origin === origin);
  for (const checkpoint of [...signed, ...stored]) {
    if (checkpoint === null) continue;
    const root = checkpoint.size <= hashes.length ? hex(rootOver(hashes.slice(0, checkpoint.size))) : 'none';
    if (hex(checkpoint.root) !== root)
      throw new Violation(`P2 a checkpoint of ${checkpoint.size} rounds of ${partition} is not of this log`);
  }
}

/** RFC 9162 2.1.1, from leaf hashes. */
function rootOver(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const hash = createHash('sha256').update(Buffer.of(1));
  return hash
    .update(rootOver(leaves.slice(0, split)))
    .update(rootOver(leaves.slice(split)))
    .digest();
}

/** The topic of rejected records has all that are rejected, at least once, and nothing else. */
function compareRejectedTopic(world: World, partition: number, rebuilt: readonly SealedRound[]): void {
  const prefix = `${TOPIC}/${world.settings.incarnation}/${partition}/`;
  const ids = world.log.records(world.settings.rejected_topic, 0).map(({ key }) => new TextDecoder().decode(key ?? new Uint8Array(0)));
  const offsets = new Set(ids.filter((id) => id.startsWith(prefix)).map((id) => Number(id.slice(prefix.length))));
  same(
    `topic of rejected records, ${partition}`,
    [...offsets].sort((a, b) => a - b),
    rebuilt.flatMap(({ rejected }) => rejected.map(({ rejection }) => rejection.offset)),
  );
}

function same(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Violation(`${what}: found ${a}, wanted ${b}`);
}

function groupedBy<T>(rows: readonly T[], keyOf: (row: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}

const HASH = sha256();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
