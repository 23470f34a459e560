import type { EventToSign } from '../../emitter/src/batch-signer.ts';
import { createWorld, eventNamed, type SealedWorld, type WorldOptions } from '../../verify/test/sealed-world.ts';

/** Every optional column has a value somewhere. */
const full = (name: string): EventToSign =>
  eventNamed(name, {
    actor_client_id: 'client-1',
    actor_scopes: ['read'],
    session_id_hash: new Uint8Array(32).fill(7),
    user_agent: 'curl/8',
    reason: 'none',
    trace_id: new Uint8Array(16).fill(3),
    personal: [new Uint8Array(32).fill(9)],
  });

/**
 * A small ledger that tests take apart, with a known place for everything: five rounds under two claims, three tenants,
 * rejections, duplicates, a checkpoint after each round.
 *
 *     round 0  offsets 0–2   acme 3 entries; globex 2; acme 2
 *     round 1  offsets 3–5   acme 4 entries; garbage; garbage
 *     round 2  offsets 6–8   acme 1 entry; acme's first batch again, twice      (claim 1 from here)
 *     round 3  offsets 9–11  globex 3 entries; acme heartbeat; initech 2
 *     round 4  offset 12     acme 2 entries
 */
export async function tamperedWorld(options: WorldOptions = {}): Promise<SealedWorld> {
  const world = await createWorld({ seed: 77, ...options });
  const events = (name: string, count: number): EventToSign[] => Array.from({ length: count }, (_, i) => full(`${name}-${i}`));
  const sealed = await world.seal([
    { tenant: 'acme', events: events('a', 3) },
    { tenant: 'globex', events: events('b', 2) },
    { tenant: 'acme', events: events('c', 2) },
  ]);
  await world.storeCheckpoint();
  await world.seal([{ tenant: 'acme', events: events('d', 4) }, { garbage: Uint8Array.of(1) }, { garbage: Uint8Array.of(2) }]);
  await world.storeCheckpoint();
  await world.abandon([{ tenant: 'acme', events: events('x', 2) }]);
  world.newClaim();
  await world.register({ producer: 'other' });
  const again = sealed.batches[0]?.batch.record as Uint8Array;
  await world.seal([
    { tenant: 'acme', events: events('e', 1) },
    { tenant: 'acme', again },
    { tenant: 'acme', again },
  ]);
  await world.storeCheckpoint();
  await world.seal([
    { tenant: 'globex', events: events('f', 3) },
    { tenant: 'acme', heartbeat: true },
    { tenant: 'initech', events: events('g', 2) },
  ]);
  await world.storeCheckpoint();
  await world.seal([{ tenant: 'acme', events: events('h', 2) }]);
  await world.storeCheckpoint();
  // Of a claim's commit rows the last stands for all, as the engine's merges leave it.
  const { commits } = world.store.tables;
  const superseded = commits.filter((row) => commits.some((other) => same(other.claim, row.claim) && other.to > row.to));
  for (const row of superseded) commits.splice(commits.indexOf(row), 1);
  return world;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
