/** What all tenants together may take, and who loses where that is full. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { type KeyState, KeyStore } from '../../src/correlation/key-store.ts';
import type { CorrelatorOptions } from '../../src/correlation/options.ts';
import type { Window } from '../../src/correlation/window.ts';
import { load, run, runWhole, type Sample, sample, sha256 } from './fixtures.ts';

const two = 'id: r\n---\nid: c\ncorrelation: { type: event_count, rules: [r], group-by: [u], timespan: 1h, condition: { gte: 2 } }\n';
const loaded = load(two);
const hit = (i: number, time_s: number, tenant: string, u: string): Sample => ({
  ...sample(`e${String(i).padStart(8, '0')}`, time_s, 'r', { u }),
  tenant,
});
const correlatorOf = (options: Partial<CorrelatorOptions>) => createCorrelator(loaded, { sha256, allowance_us: 0, ...options });

describe('the room of all tenants', () => {
  it('bounds the keys of 200,000 tenants with one key each, and counts what goes', () => {
    const tenants = 200_000;
    const correlator = correlatorOf({ state_bytes_max: 20_000_000 });
    run(
      correlator,
      loaded,
      Array.from({ length: tenants }, (_, i) => hit(i, i / 100, `tenant-${i}`, 'u')),
    );
    const { keys, hits, crowded_out, evicted, pending } = correlator.stats();
    expect(keys).toBeGreaterThan(5_000);
    expect(keys).toBeLessThan(20_000);
    expect(hits).toBe(keys);
    expect(crowded_out).toEqual(new Map([['c', tenants - pending - keys]]));
    expect(evicted.size).toBe(0);
  });

  it('bounds the hits too', () => {
    const sums = load(
      'id: r\n---\nid: c\ncorrelation: { type: value_sum, rules: [r], group-by: [u], timespan: 1h, condition: { gt: 1000, field: u } }\n',
    );
    const correlator = createCorrelator(sums, { sha256, allowance_us: 0, state_bytes_max: 1_000_000 });
    run(
      correlator,
      sums,
      Array.from({ length: 20_000 }, (_, i) => hit(i, i / 100, `tenant-${i % 50}`, '1')),
    );
    expect(correlator.stats().hits).toBeLessThan(5_000);
  });

  const quiet = (tenant: number, n: number, i: number): Sample => hit(1_000_000 + i, i / 1000, `quiet-${tenant}`, `u${n}`);
  const known = (correlator: ReturnType<typeof correlatorOf>, samples: readonly Sample[], at_s: number): number =>
    runWhole(
      correlator,
      loaded,
      samples.map((one) => ({ ...one, id: `${one.id}-again`, time_us: at_s * 1_000_000 })),
    ).length;

  it('is not taken from others by one tenant that makes more keys than there is room for', () => {
    const correlator = correlatorOf({ state_bytes_max: 4_000_000, crowd_tenant_bytes_max: 20_000 });
    // Some of the crowd, some larger; all of them have the least recently used keys.
    const before = Array.from({ length: 2_000 }, (_, i) => quiet(i % 30, i, i)).filter((_, i) => i % 30 < 10 || i < 300);
    run(correlator, loaded, before);
    run(
      correlator,
      loaded,
      Array.from({ length: 50_000 }, (_, i) => hit(i, 3 + i / 100, 'noisy', `u${i}`)),
    );
    expect(correlator.stats().crowded_out.get('c')).toBeGreaterThan(40_000);
    expect(known(correlator, before, 600)).toBe(before.length);
  });

  it('is not taken by tenants without end from those that were at work', () => {
    const correlator = correlatorOf({ state_bytes_max: 8_000_000, crowd_tenant_bytes_max: 20_000 });
    const before = Array.from({ length: 1_000 }, (_, i) => quiet(i % 10, i, i));
    run(correlator, loaded, before);
    run(
      correlator,
      loaded,
      Array.from({ length: 100_000 }, (_, i) => hit(i, 3 + i / 100, `made-up-${Math.floor(i / 3)}`, `u${i % 3}`)),
    );
    expect(correlator.stats().crowded_out.get('c')).toBeGreaterThan(80_000);
    expect(known(correlator, before, 1_100)).toBe(before.length);
  });

  it('is shared alike in whatever order events come within the allowance', () => {
    const both = load(
      `${two}---\nid: d\ncorrelation: { type: event_count, rules: [r], group-by: [v], timespan: 7s, condition: { gte: 2 } }\n`,
    );
    const arbitrary = fc.record({
      room: fc.integer({ min: 3_000, max: 40_000 }),
      crowd: fc.integer({ min: 0, max: 6_000 }),
      hits: fc.array(
        fc.record({
          time_ms: fc.integer({ min: 0, max: 60_000 }),
          delay_ms: fc.integer({ min: 0, max: 9_000 }),
          tenant: fc.integer({ min: 0, max: 11 }),
          u: fc.integer({ min: 0, max: 9 }),
          v: fc.integer({ min: 0, max: 4 }),
        }),
        { minLength: 30, maxLength: 250 },
      ),
    });
    let crowded = 0;
    fc.assert(
      fc.property(arbitrary, ({ room, crowd, hits }) => {
        const samples = hits.map(({ time_ms, delay_ms, tenant, u, v }, i) => ({
          one: { ...sample(`e${i}`, time_ms / 1000, 'r', { u, v }), tenant: `t${tenant % (1 + (i % 12))}` },
          at: time_ms + delay_ms,
        }));
        const orders = [
          [...samples].sort((a, b) => a.one.time_us - b.one.time_us || (a.one.id < b.one.id ? -1 : 1)),
          [...samples].sort((a, b) => a.at - b.at),
        ];
        const found = orders.map((order) => {
          const correlator = createCorrelator(both, { sha256, state_bytes_max: room, crowd_tenant_bytes_max: crowd });
          const ids = runWhole(
            correlator,
            both,
            order.map(({ one }) => one),
          ).map(({ id }) => id);
          const { late, crowded_out } = correlator.stats();
          expect(late).toBe(0);
          crowded += crowded_out.size;
          return { ids: ids.sort(), crowded_out: Object.fromEntries(crowded_out) };
        });
        expect(found[1]).toEqual(found[0]);
      }),
      { numRuns: 300 },
    );
    expect(crowded).toBeGreaterThan(100);
  });
});

describe('the store of keys', () => {
  /** As the rule says it, with nothing kept but the keys. */
  class Plain {
    keys: { node: number; tenant: string; key: string; kept: number; expires: number; used: number }[] = [];
    readonly #limits: { readonly room: number; readonly crowd: number };
    readonly #left = new Set<string>();
    readonly #maps = new Map<string, Set<number>>();
    /** Of a tenant, also where the key that was used is gone. */
    readonly #latest = new Map<string, number>();
    readonly gone: string[] = [];

    constructor(limits: { readonly room: number; readonly crowd: number }) {
      this.#limits = limits;
    }

    #forget(): void {
      for (const tenant of this.#maps.keys())
        if (!this.keys.some((one) => one.tenant === tenant)) {
          this.#left.delete(tenant);
          this.#latest.delete(tenant);
          this.#maps.delete(tenant);
        }
    }

    bytesOf(tenant: string): number {
      const own = this.keys.filter((one) => one.tenant === tenant);
      const of = own.reduce((sum, { key, kept }) => sum + 300 + key.length + 200 * kept, 0);
      return of + 400 + tenant.length + 150 * (this.#maps.get(tenant)?.size ?? 0);
    }

    expire(time: number): void {
      this.keys = this.keys.filter(({ expires }) => expires >= time);
      this.#forget();
    }

    hit(node: number, tenant: string, key: string, kept: number, expires: number, use: number): void {
      const found = this.keys.find((one) => one.node === node && one.tenant === tenant && one.key === key);
      const one = found ?? { node, tenant, key, kept: 0, expires: 0, used: 0 };
      if (found === undefined) this.keys.push(one);
      Object.assign(one, { kept, expires, used: use });
      this.#latest.set(tenant, use);
      const maps = this.#maps.get(tenant) ?? new Set();
      this.#maps.set(tenant, maps.add(node));
      if (this.bytesOf(tenant) > this.#limits.crowd) this.#left.add(tenant);
      for (;;) {
        const tenants = [...this.#maps.keys()];
        const sum = (names: readonly string[]): number => names.reduce((total, name) => total + this.bytesOf(name), 0);
        if (sum(tenants) <= this.#limits.room) return;
        const crowd = tenants.filter((name) => !this.#left.has(name));
        const latest = (name: string): number => this.#latest.get(name) ?? 0;
        const loser =
          sum(crowd) > this.#limits.room / 2
            ? crowd.sort((a, b) => latest(a) - latest(b))[0]
            : tenants.filter((name) => this.#left.has(name)).sort((a, b) => this.bytesOf(b) - this.bytesOf(a) || (a < b ? -1 : 1))[0];
        const [oldest] = this.keys.filter((own) => own.tenant === loser).sort((a, b) => a.used - b.used);
        if (oldest === undefined || oldest === one) return;
        this.keys = this.keys.filter((other) => other !== oldest);
        this.gone.push(`${oldest.node}/${oldest.tenant}/${oldest.key}`);
        this.#forget();
      }
    }
  }

  it('drops the keys that a plain reading of the rule drops, in its order', () => {
    const step = fc.record({
      node: fc.integer({ min: 0, max: 2 }),
      tenant: fc.oneof(
        fc.integer({ min: 0, max: 3 }).map((n) => `large-${n}`),
        fc.integer({ min: 0, max: 40 }).map((n) => `t${n}`),
      ),
      key: fc.integer({ min: 0, max: 12 }).map((n) => `key-${'x'.repeat(n % 3)}${n}`),
      kept: fc.integer({ min: 1, max: 8 }),
      passes: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) }),
    });
    const limits = fc.record({ room: fc.integer({ min: 2_000, max: 40_000 }), crowd: fc.integer({ min: 500, max: 8_000 }) });
    let gone = 0;
    fc.assert(
      fc.property(limits, fc.array(step, { minLength: 20, maxLength: 300 }), (limit, steps) => {
        const dropped: string[] = [];
        const unbounded = Number.MAX_SAFE_INTEGER;
        const store = new KeyStore(
          [1, 1, 1],
          {
            keys_per_tenant_max: unbounded,
            hits_per_tenant_max: unbounded,
            state_bytes_max: limit.room,
            crowd_tenant_bytes_max: limit.crowd,
          },
          {
            evicted: () => expect.unreachable(),
            crowdedOut: ({ space, tenant, key }: KeyState) => void dropped.push(`${space}/${tenant.id}/${key}`),
          },
        );
        const plain = new Plain(limit);
        let now = 0;
        for (const [i, { node, tenant, key, kept, passes }] of steps.entries()) {
          now += passes;
          store.expire(now);
          plain.expire(now);
          // As with a correlation each, whose keys expire in the order of use.
          const expires = now + 20 * (node + 1);
          const state = store.use(node, tenant, key, expires);
          const window = store.window(state, 0, () => ({ kept: 0 }) as Window) as { kept: number };
          const before = state.keptAt(0);
          window.kept = kept;
          store.settle(state, kept - before);
          plain.hit(node, tenant, key, kept, expires, i);
        }
        expect(dropped).toEqual(plain.gone);
        expect(store.keys).toBe(plain.keys.length);
        expect(store.hits).toBe(plain.keys.reduce((sum, one) => sum + one.kept, 0));
        gone += dropped.length;
      }),
      { numRuns: 300 },
    );
    expect(gone).toBeGreaterThan(1_000);
  });
});
