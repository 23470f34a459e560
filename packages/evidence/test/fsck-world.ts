import {
  AUDIENCE,
  createWorld,
  type RecordSpec,
  randomOf,
  type SealedWorld,
  sha256,
  verify,
  type WorldOptions,
} from '../../verify/test/sealed-world.ts';
import { type FsckFinding, type FsckInput, type FsckReport, fsck } from '../src/index.ts';

export const inputFor = (world: SealedWorld, more: Partial<FsckInput> = {}): FsckInput => ({
  store: world.store,
  audience: AUDIENCE,
  sha256,
  ed25519Verify: verify,
  checkpointKey: (origin) => (origin === world.key.name ? world.key : null),
  ...more,
});

export const check = (world: SealedWorld, more: Partial<FsckInput> = {}): Promise<FsckReport> => fsck(inputFor(world, more));

/** What the event log's group has committed. */
export const committedOf = (world: SealedWorld): FsckInput['committed'] & object => {
  const last = world.rounds.at(-1);
  return last === undefined ? [] : [{ ...world.partition, offset: last.round.to, round_hash: last.hash }];
};

/** The records as the event log still holds them. */
export const recordsOf =
  (world: SealedWorld): FsckInput['readRecord'] & object =>
  async (_partition, offset) =>
    world.records.find((record) => record.offset === offset)?.value ?? null;

/** A finding without its text, for comparing. */
export const placeOf = ({
  detail: _detail,
  partition: _partition,
  log: _log,
  ...rest
}: FsckFinding): Omit<FsckFinding, 'detail' | 'partition' | 'log'> => rest;
export const codesOf = (report: FsckReport): readonly string[] => report.findings.map(({ code }) => code);

/** A ledger with a bit of everything: tenants, batches, rejections, duplicates, heartbeats, claims, abandoned rounds, checkpoints. */
export async function randomWorld(seed: number, options: WorldOptions = {}): Promise<SealedWorld> {
  const random = randomOf(seed);
  const world = await createWorld({ seed, page_rows_max: 1 + random.below(7), ...options });
  const tenants = 1 + random.below(4);
  const spec = (): RecordSpec => {
    const tenant = `tenant-${random.below(tenants)}`;
    const batches = world.rounds.flatMap(({ batches: some }) => some);
    const again = batches[random.below(batches.length)];
    switch (random.below(10)) {
      case 0:
        return { garbage: random.bytes(random.below(30)) };
      case 1:
        return { tenant, heartbeat: true };
      case 2:
        if (again !== undefined) return { tenant: again.manifest.header.tenant, again: again.batch.record };
    }
    return { tenant, events: 1 + random.below(6), delivery: random.below(2) === 0 ? 'ROUTINE' : 'CRITICAL' };
  };
  const rounds = random.below(7);
  for (let i = 0; i < rounds; i++) {
    if (random.below(5) === 0) await world.register({ producer: `other-${i}` });
    const specs = Array.from({ length: 1 + random.below(5) }, spec);
    // A batch that is signed is used once: an abandoned round holds others.
    if (random.below(4) === 0) {
      await world.abandon([{ tenant: 'tenant-0', events: 1 + random.below(3) }]);
      world.newClaim();
    }
    await world.seal(specs);
    if (random.below(3) === 0) await world.storeCheckpoint();
  }
  return world;
}
