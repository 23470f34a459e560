import { ChangingHeap } from './changing-heap.ts';
import type { Window } from './window.ts';

// What each takes on the heap, as measured, rounded up; texts take a byte a character.
const TENANT_BYTES = 400;
/** Of a tenant and a space of which it has keys. */
const MAP_BYTES = 150;
const KEY_BYTES = 180;
const WINDOW_BYTES = 120;
const HIT_BYTES = 200;
/** Of the room of all tenants, what the crowd may always have. */
const CROWD_SHARE = 1 / 2;

/**
 * The state of one key for one tenant, of all correlations of a space (KeySpaces). Linked into the orders in which keys expire and
 * in which they are evicted.
 */
export class KeyState {
  readonly space: number;
  readonly key: string;
  readonly tenant: Tenant;
  /** By slot; null until there is a hit. */
  readonly windows: (Window | null)[];
  /** By slot, for hits too late to share a window with the newest; null until there is one. */
  late: (Window | null)[] | null = null;
  /** Hits that are kept in all windows. */
  kept = 0;
  /** What it is taken to take, but for its hits. */
  bytes = 0;
  expires_us = 0;
  // The two lists are within the keys: there may be a million of them.
  spaceBefore: KeyState | null = null;
  spaceAfter: KeyState | null = null;
  tenantBefore: KeyState | null = null;
  tenantAfter: KeyState | null = null;

  constructor(space: number, key: string, tenant: Tenant, none: readonly null[]) {
    this.space = space;
    this.key = key;
    this.tenant = tenant;
    this.windows = none.slice();
  }

  /** Hits that are kept for one correlation. */
  keptAt(slot: number): number {
    return (this.windows[slot]?.kept ?? 0) + (this.late?.[slot]?.kept ?? 0);
  }
}

class Tenant {
  readonly id: string;
  /** By space; those of which the tenant has no key have none, since tenants may be many. */
  readonly keys: (Map<string, KeyState> | undefined)[] = [];
  readonly order: KeyList = new KeyList('tenant');
  count = 0;
  hits = 0;
  bytes = 0;
  isOfCrowd = true;
  /** The number of its latest use, of those of all tenants. */
  used = 0;
  /** As `used` was when the crowd was last put in order. */
  usedBefore = 0;
  place = -1;

  constructor(id: string) {
    this.id = id;
  }
}

/** A doubly linked list of keys, oldest use first. */
class KeyList {
  readonly #before: 'spaceBefore' | 'tenantBefore';
  readonly #after: 'spaceAfter' | 'tenantAfter';
  first: KeyState | null = null;
  #last: KeyState | null = null;

  constructor(of: 'space' | 'tenant') {
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
  readonly state_bytes_max: number;
  readonly crowd_tenant_bytes_max: number;
}

export interface KeyStoreListener {
  /** A limit of its tenant pushed a key out. */
  evicted(state: KeyState): void;
  /** The room of all tenants together was full. */
  crowdedOut(state: KeyState): void;
}

/**
 * All keys of a correlator. A tenant's keys are bounded, over all correlations together: the one whose latest hit is oldest
 * goes first. Hits come in event time, so the order of use is that of time (what is late counts as of when it came), and is
 * the same in whatever order events arrive within the allowance.
 *
 * All tenants together have room for `state_bytes_max`, estimated. A tenant belongs to the crowd until it has once held more than
 * `crowd_tenant_bytes_max`, and the crowd may always have half of the room. Where that is full
 *
 * - and the crowd has more than its half, the tenant of the crowd whose latest hit is oldest loses its oldest key;
 * - otherwise the tenant that holds most does, of equals the one whose id comes first.
 *
 * So one noisy tenant loses what is its own, and however many tenants a producer makes up they take no key from those that were
 * at work, only from one another and from tenants that never had more than a few keys. Whoever makes up thousands of tenants with
 * as many keys as real ones have takes room from these too, the largest first. All of it follows from which keys are held, what
 * they hold and the order of use, none of which depends on the order of arrival within the allowance. A hit costs O(log tenants).
 */
export class KeyStore {
  readonly #limits: KeyLimits;
  readonly #listener: KeyStoreListener;
  readonly #tenants = new Map<string, Tenant>();
  /** By space, the windows of a key that was not hit. */
  readonly #none: readonly (readonly null[])[];
  readonly #spaces: readonly KeyList[];
  /** By space, the key that was used last: the correlations of a space are hit one after the other. */
  readonly #last: (KeyState | null)[];
  /** The latest use of each as of when it was put in order: put right only when room is needed. */
  readonly #crowd = new ChangingHeap<Tenant>((a, b) => a.usedBefore < b.usedBefore);
  readonly #large = new ChangingHeap<Tenant>((a, b) => a.bytes > b.bytes || (a.bytes === b.bytes && a.id < b.id));
  #keys = 0;
  #hits = 0;
  #uses = 0;
  #bytes = 0;
  #crowdBytes = 0;
  /** Nothing that stands first in its list expires before this: most events have nothing to drop. */
  #expiry_us = Number.POSITIVE_INFINITY;
  /** Events come a batch at a time, and a batch is of one tenant. */
  #latest: Tenant | null = null;

  /** @param slots by space, how many correlations share it */
  constructor(slots: readonly number[], limits: KeyLimits, listener: KeyStoreListener) {
    this.#limits = limits;
    this.#listener = listener;
    this.#none = slots.map((length) => Array.from({ length }, () => null));
    this.#spaces = slots.map(() => new KeyList('space'));
    this.#last = slots.map(() => null);
  }

  get keys(): number {
    return this.#keys;
  }

  get hits(): number {
    return this.#hits;
  }

  /** The state of a key, as the most recently used; a new one where there is none. */
  use(space: number, tenantId: string, key: string, expires_us: number): KeyState {
    const last = this.#last[space] ?? null;
    const state = last !== null && last.key === key && last.tenant.id === tenantId ? last : this.#stateOf(space, tenantId, key);
    state.tenant.used = ++this.#uses;
    const list = this.#spaces[space] as KeyList;
    const wasFirst = state === list.first;
    state.tenant.order.touch(state);
    list.touch(state);
    if (wasFirst) this.#expectExpiry(list.first as KeyState);
    if (expires_us > state.expires_us) state.expires_us = expires_us;
    this.#expectExpiry(state);
    this.#last[space] = state;
    return state;
  }

  /** The window of a correlation, made when it is first asked for. */
  window(state: KeyState, slot: number, create: () => Window): Window {
    const known = state.windows[slot] ?? null;
    if (known !== null) return known;
    this.#grow(state, WINDOW_BYTES);
    return (state.windows[slot] = create());
  }

  /** Takes note of how many hits more a key keeps, and makes room where the tenant has too much, or all have. The key itself stays. */
  settle(state: KeyState, more: number): void {
    const { tenant } = state;
    tenant.hits += more;
    this.#hits += more;
    state.kept += more;
    this.#take(tenant, more * HIT_BYTES);
    const { keys_per_tenant_max, hits_per_tenant_max } = this.#limits;
    while (tenant.count > keys_per_tenant_max || tenant.hits > hits_per_tenant_max) {
      const oldest = tenant.order.first;
      if (oldest === null || oldest === state) break;
      this.#drop(oldest);
      this.#listener.evicted(oldest);
    }
    if (tenant.isOfCrowd && tenant.bytes > this.#limits.crowd_tenant_bytes_max) this.#leaveCrowd(tenant);
    while (this.#bytes > this.#limits.state_bytes_max) {
      const oldest = this.#loser()?.order.first ?? null;
      if (oldest === null || oldest === state) break;
      this.#drop(oldest);
      this.#listener.crowdedOut(oldest);
    }
  }

  /** Drops the keys whose windows no hit from this time on can share. O(log tenants) a key that goes, O(spaces) a call where there is one. */
  expire(time_us: number): void {
    if (time_us <= this.#expiry_us) return;
    this.#expiry_us = Number.POSITIVE_INFINITY;
    for (const list of this.#spaces) {
      for (let first = list.first; first !== null && first.expires_us < time_us; first = list.first) this.#drop(first);
      if (list.first !== null) this.#expectExpiry(list.first);
    }
  }

  #expectExpiry({ expires_us }: KeyState): void {
    if (expires_us < this.#expiry_us) this.#expiry_us = expires_us;
  }

  #stateOf(space: number, tenantId: string, key: string): KeyState {
    const tenant = this.#tenant(tenantId);
    let keys = tenant.keys[space];
    if (keys === undefined) {
      keys = new Map<string, KeyState>();
      tenant.keys[space] = keys;
      this.#take(tenant, MAP_BYTES);
    }
    const known = keys.get(key);
    if (known !== undefined) return known;
    const state = new KeyState(space, key, tenant, this.#none[space] as readonly null[]);
    keys.set(key, state);
    tenant.count++;
    tenant.order.append(state);
    this.#spaces[space]?.append(state);
    this.#keys++;
    this.#grow(state, KEY_BYTES + key.length);
    return state;
  }

  #grow(state: KeyState, bytes: number): void {
    state.bytes += bytes;
    this.#take(state.tenant, bytes);
  }

  #tenant(id: string): Tenant {
    if (this.#latest?.id === id) return this.#latest;
    let tenant = this.#tenants.get(id);
    if (tenant === undefined) {
      tenant = new Tenant(id);
      tenant.usedBefore = this.#uses + 1;
      this.#tenants.set(id, tenant);
      this.#crowd.push(tenant);
      this.#take(tenant, TENANT_BYTES + id.length);
    }
    this.#latest = tenant;
    return tenant;
  }

  #take(tenant: Tenant, bytes: number): void {
    if (bytes === 0) return;
    tenant.bytes += bytes;
    this.#bytes += bytes;
    if (tenant.isOfCrowd) this.#crowdBytes += bytes;
    else this.#large.changed(tenant);
  }

  #leaveCrowd(tenant: Tenant): void {
    this.#crowd.remove(tenant);
    this.#crowdBytes -= tenant.bytes;
    tenant.isOfCrowd = false;
    this.#large.push(tenant);
  }

  /** Who loses a key where the room is full. */
  #loser(): Tenant | undefined {
    if (this.#crowdBytes <= this.#limits.state_bytes_max * CROWD_SHARE) return this.#large.first;
    // Whoever was used since it was put in order goes behind; the first that was not is the one that was used longest ago.
    for (let first = this.#crowd.first; ; first = this.#crowd.first) {
      if (first === undefined || first.usedBefore === first.used) return first;
      first.usedBefore = first.used;
      this.#crowd.changed(first);
    }
  }

  #drop(state: KeyState): void {
    const { tenant } = state;
    tenant.keys[state.space]?.delete(state.key);
    if (this.#last[state.space] === state) this.#last[state.space] = null;
    tenant.count--;
    tenant.order.remove(state);
    const list = this.#spaces[state.space] as KeyList;
    list.remove(state);
    if (list.first !== null) this.#expectExpiry(list.first);
    tenant.hits -= state.kept;
    this.#hits -= state.kept;
    this.#keys--;
    this.#take(tenant, -(state.bytes + state.kept * HIT_BYTES));
    if (tenant.count > 0) return;
    this.#take(tenant, -tenant.bytes);
    (tenant.isOfCrowd ? this.#crowd : this.#large).remove(tenant);
    this.#tenants.delete(tenant.id);
    if (this.#latest === tenant) this.#latest = null;
  }
}
