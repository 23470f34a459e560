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
  readonly inNode: Links = { before: null, after: null };
  readonly inTenant: Links = { before: null, after: null };

  constructor(node: number, key: string, tenant: Tenant, window: Window) {
    this.node = node;
    this.key = key;
    this.tenant = tenant;
    this.window = window;
  }
}

interface Links {
  before: KeyState | null;
  after: KeyState | null;
}

interface Tenant {
  readonly id: string;
  readonly keys: Map<string, KeyState>;
  readonly order: KeyList;
  hits: number;
}

/** A doubly linked list of keys, oldest use first. */
class KeyList {
  readonly #which: 'inNode' | 'inTenant';
  first: KeyState | null = null;
  #last: KeyState | null = null;

  constructor(which: 'inNode' | 'inTenant') {
    this.#which = which;
  }

  append(state: KeyState): void {
    const links = state[this.#which];
    links.before = this.#last;
    links.after = null;
    if (this.#last === null) this.first = state;
    else this.#last[this.#which].after = state;
    this.#last = state;
  }

  remove(state: KeyState): void {
    const { before, after } = state[this.#which];
    if (before === null) this.first = after;
    else before[this.#which].after = after;
    if (after === null) this.#last = before;
    else after[this.#which].before = before;
  }

  touch(state: KeyState): void {
    if (state[this.#which].after === null) return;
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
    this.#nodes = Array.from({ length: nodes }, () => new KeyList('inNode'));
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
    const name = `${node}:${key}`;
    let state = tenant.keys.get(name);
    if (state === undefined) {
      state = new KeyState(node, key, tenant, create());
      tenant.keys.set(name, state);
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
    while (tenant.keys.size > this.#limits.keys_per_tenant_max || tenant.hits > this.#limits.hits_per_tenant_max) {
      const oldest = tenant.order.first;
      if (oldest === null || oldest === state) return;
      this.#drop(oldest);
      this.#evicted(oldest);
    }
  }

  /** Drops the keys whose windows the watermark has left behind. O(1) a key that goes, O(correlations) a call. */
  expire(watermark_us: number): void {
    for (const list of this.#nodes)
      for (let first = list.first; first !== null && first.expires_us < watermark_us; first = list.first) this.#drop(first);
  }

  #tenant(id: string): Tenant {
    let tenant = this.#tenants.get(id);
    if (tenant === undefined) {
      tenant = { id, keys: new Map(), order: new KeyList('inTenant'), hits: 0 };
      this.#tenants.set(id, tenant);
    }
    return tenant;
  }

  #drop(state: KeyState): void {
    const { tenant } = state;
    tenant.keys.delete(`${state.node}:${state.key}`);
    tenant.order.remove(state);
    this.#nodes[state.node]?.remove(state);
    tenant.hits -= state.kept;
    this.#keys--;
    if (tenant.keys.size === 0) this.#tenants.delete(tenant.id);
  }
}
