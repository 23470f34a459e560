/** One ledger process of a world, and whoever starts it again. */
import { type EventLog, EventLogError } from '@sealtrail/event-log';
import { type FaultPlan, type PortCall, withLogFaults } from '@sealtrail/event-log/faults';
import { createLedger, type Ledger, type LedgerEnd, type LedgerEvents } from '@sealtrail/ledger';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { withStaleReads, withStoreFaults } from '@sealtrail/ledger-store/faults';
import { type Gate, gatedLog, gatedStore } from './gates.ts';
import type { World } from './world.ts';
import type { OpenedLog } from './world-log.ts';

/** In the message of what a wrapper fails with: it may have been chosen just before the faults ended. */
const ON_COMMAND = /on command/;

interface Life {
  readonly opened: Promise<OpenedLog>;
  readonly stop: AbortController;
  dead: boolean;
}

export class LedgerProcess {
  readonly name: string;
  readonly #world: World;
  #life: Life | null = null;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
  }

  get isUp(): boolean {
    return this.#life !== null;
  }

  start(): void {
    const world = this.#world;
    const life: Life = { opened: world.log.open(), stop: new AbortController(), dead: false };
    this.#life = life;
    const plan = this.#plan(life);
    const gate = (): Promise<void> => world.turns.gate();
    const run = async (): Promise<LedgerEnd> => this.#ledger(life, plan, gate, (await life.opened).log).run(life.stop.signal);
    void run().then(
      (end) => this.#ended(life, end.kind === 'failed' ? end.cause : null),
      (cause: unknown) => this.#ended(life, cause),
    );
  }

  #ledger(life: Life, plan: FaultPlan, gate: Gate, log: EventLog): Ledger {
    const world = this.#world;
    const { turns } = world;
    const stale = withStaleReads(world.store, (method) => world.replicaFor(this, method));
    return createLedger({
      log: withLogFaults(gatedLog(log, gate, world), plan),
      settings: world.settings,
      ports: {
        ...world.pure,
        store: withStoreFaults(gatedStore(stale, gate, world), plan),
        clock_ms: () => turns.now_ms,
        sleep: (ms, stop) => turns.sleep(ms, stop),
        breathe: () => turns.gate(),
        events: this.#events(life),
      },
    });
  }

  /** Asks it to end, as an operator does. */
  stop(): void {
    this.#life?.stop.abort();
  }

  /** It is gone, as by kill -9. Its group learns of it when its session ends: at once, or after `session_ms`. */
  kill(session_ms = 0): void {
    const life = this.#life;
    if (life === null) return;
    life.dead = true;
    this.#life = null;
    this.#world.tell(`${this.name} is killed`);
    const expelled = session_ms === 0 ? Promise.resolve() : this.#world.turns.sleep(session_ms);
    void Promise.all([life.opened, expelled]).then(([opened]) => opened.kill());
    this.#world.restartLater(this);
  }

  #plan(life: Life): FaultPlan {
    const world = this.#world;
    return {
      choose: (call) => world.choose(this, call),
      later: (effect) => world.later(effect),
      pause: () => world.pause(this),
      crashed: (call) => this.#crashed(life, call),
      get dead() {
        return life.dead;
      },
    };
  }

  #crashed(life: Life, _call: PortCall): void {
    life.dead = true;
    if (this.#life === life) this.kill(this.#world.sessionOfCrashed_ms());
  }

  #ended(life: Life, cause: unknown): void {
    if (this.#life !== life) return;
    this.#life = null;
    void life.opened.then(({ log }) => log.close());
    if (cause !== null) {
      const isKnown = cause instanceof EventLogError || cause instanceof LedgerStoreError;
      this.#world.tell(`${this.name} ends: ${String(cause)}`);
      if (!isKnown || !(this.#world.isFaulty || ON_COMMAND.test(cause.message)))
        this.#world.violated(`${this.name} ended by ${cause instanceof Error ? cause.stack : String(cause)}`);
    }
    this.#world.restartLater(this);
  }

  #events(life: Life): LedgerEvents {
    const world = this.#world;
    const told = (what: string): void => {
      if (!life.dead) world.tell(`${this.name} ${what}`);
    };
    return {
      recovered: (key, facts) => {
        if (life.dead) return;
        told(`recovered ${key.partition} at ${facts.offset}: ${facts.rounds_checked} rounds checked, ${facts.rounds_rebuilt} rebuilt`);
        world.recovered(key.partition, facts);
      },
      sealed: (key, facts) => told(`sealed ${key.partition} [${facts.from}, ${facts.to})`),
      checkpointed: (key, facts) => told(`published ${key.partition}: ${facts.size} rounds, to ${facts.to}`),
      claimEnded: (key, cause) => told(`ends its claim on ${key.partition}: ${cause.message}`),
      eraStarted: (key, ordinal) => told(`begins an era on ${key.partition}: ${ordinal}`),
      waiting: (key, what) => told(`waits on ${key.partition}: ${what}`),
      lost: (key) => told(`has lost ${key.partition}`),
      halted: (key, halt) => {
        if (!life.dead) world.halted(this, key.partition, halt);
      },
    };
  }
}
