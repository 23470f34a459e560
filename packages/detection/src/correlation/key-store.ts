import type { Window } from './window.ts';

/** The state of one key of one correlation for one tenant. Linked into the orders in which keys expire and in which they are evicted. */
export class KeyState {
  readonly node: number;
  readonly key: string;
  readonly tenant: Tenant;
  readonly window: Window;
  /** For hits too late to share a window with the newest; null until there is one. */
  late: Window | null = null;
  /** Hits kept when last counted. */
  kept = 0;
  expires_us = 0;
  // The two lists are within the keys: there may be a million of them.
  nodeBefore: KeyState | null = null;
  nodeAfter: KeyState | null = null;
  tenantBefore: KeyState | null = null;
  tenantAfter: KeyState | null = null;

  constructor(node: number, key: string, tenant: Tenant, window: Window) {
    this.node = node;
    this.key = key;
    this.tenant = tenant;
    this.window = window;
  }
}

interface Tenant {
  readonly id: string;
  /** By correlation; those of which the tenant has no key have none, since tenants may be many. */
  readonly keys: (Map<string, KeyState> | undefined)[];
  readonly order: KeyList;
  count: number;
  hits: number;
}

/** A doubly linked list of keys, oldest use first. */
class KeyList {
  readonly #before: 'nodeBefore' | 'tenantBefore';
  readonly #after: 'nodeAfter' | 'tenantAfter';
  first: KeyState | null = null;
  #last: KeyState | null = null;

  constructor(of: 'node' | 'tenant') {
    this.#before = `${of}Before`;
    this.#after = `${of}After`;
  }

  append(state: KeyState): void {
    state[this.#before] = this.#last;
    state[this.#after] = null;
    if (this.#last === null) this.first = state;
    else this.#last[this.#after] = state;
    this.#last = state;
  }

  remove(state: KeyState): void {
    const before = state[this.#before];
    const after = state[this.#after];
    if (before === null) this.first = after;
    else before[this.#after] = after;
    if (after === null) this.#last = before;
    else after[this.#before] = before;
  }

  touch(state: KeyState): void {
    if (state[this.#after] === null) return;
    this.remove(state);
    this.append(state);
  }
}

export interface KeyLimits {
  readonly keys_per_tenant_max: number;
  readonly hits_per_tenant_max: number;
}

/**
 * All keys of a correlator. A tenant's keys are bounded, over all correlations together: the one whose latest hit is oldest
 * goes first. Hits come in event time, so the order of use is that of time (what is late counts as of when it came), and is
 * the same in whatever order events arrive within the allowance.
 */
export class KeyStore {
  readonly #limits: KeyLimits;
  readonly #evicted: (state: KeyState) => void;
  readonly #tenants = new Map<string, Tenant>();
  readonly #nodes: readonly KeyList[];
  #keys = 0;

  /** @param evicted called for each key that a limit pushed out */
  constructor(nodes: number, limits: KeyLimits, evicted: (state: KeyState) => void) {
    this.#limits = limits;
    this.#evicted = evicted;
    this.#nodes = Array.from({ length: nodes }, () => new KeyList('node'));
  }

  get keys(): number {
    return this.#keys;
  }

  get hits(): number {
    let hits = 0;
    for (const tenant of this.#tenants.values()) hits += tenant.hits;
    return hits;
  }

  /** The state of a key, as the most recently used; a new one where there is none. */
  use(node: number, tenantId: string, key: string, expires_us: number, create: () => Window): KeyState {
    const tenant = this.#tenant(tenantId);
    const keys = tenant.keys[node] ?? new Map<string, KeyState>();
    tenant.keys[node] = keys;
    let state = keys.get(key);
    if (state === undefined) {
      state = new KeyState(node, key, tenant, create());
      keys.set(key, state);
      tenant.count++;
      tenant.order.append(state);
      this.#nodes[node]?.append(state);
      this.#keys++;
    } else {
      tenant.order.touch(state);
      this.#nodes[node]?.touch(state);
    }
    state.expires_us = Math.max(state.expires_us, expires_us);
    return state;
  }

  /** Counts again what a key keeps, and makes room where the tenant has too much. The key itself stays. */
  settle(state: KeyState): void {
    const { tenant } = state;
    const kept = state.window.kept + (state.late?.kept ?? 0);
    tenant.hits += kept - state.kept;
    state.kept = kept;
    while (tenant.count > this.#limits.keys_per_tenant_max || tenant.hits > this.#limits.hits_per_tenant_max) {
      const oldest = tenant.order.first;
      if (oldest === null || oldest === state) return;
      this.#drop(oldest);
      this.#evicted(oldest);
    }
  }

  /** Drops the keys whose windows no hit from this time on can share. O(1) a key that goes, O(correlations) a call. */
  expire(time_us: number): void {
    for (const list of this.#nodes)
      for (let first = list.first; first !== null && first.expires_us < time_us; first = list.first) this.#drop(first);
  }

  #tenant(id: string): Tenant {
    let tenant = this.#tenants.get(id);
    if (tenant === undefined) {
      tenant = { id, keys: [], order: new KeyList('tenant'), count: 0, hits: 0 };
      this.#tenants.set(id, tenant);
    }
    return tenant;
  }

  #drop(state: KeyState): void {
    const { tenant } = state;
    tenant.keys[state.node]?.delete(state.key);
    tenant.count--;
    tenant.order.remove(state);
    this.#nodes[state.node]?.remove(state);
    tenant.hits -= state.kept;
    this.#keys--;
    if (tenant.count === 0) this.#tenants.delete(tenant.id);
  }
}
