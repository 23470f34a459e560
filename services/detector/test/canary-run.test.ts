/** Canaries on virtual time: every wait ends when its time has come, and not before everything that was due earlier has run. */
import { describe, expect, it } from 'vitest';
import { type CanaryPorts, canaryTargets, startCanaries } from '../src/index.ts';

const SETTINGS = { interval_ms: 30_000, bound_ms: 10_000 };

interface Waiting {
  readonly at_ms: number;
  readonly wake: () => void;
}

class World {
  now_ms = 0;
  /** What the clock shows beyond the time that has passed. */
  skew_ms = 0;
  readonly #waiting = new Set<Waiting>();
  readonly told: string[] = [];
  readonly emitted: string[] = [];
  take: (id: Uint8Array) => void = () => undefined;
  ready: () => void = () => undefined;
  /** After how long the alert of a canary comes; null: never. Throws what the emission is to fail with. */
  path: (at_ms: number) => Promise<number | null> = async () => 800;
  readyAtOnce = true;
  #ids = 0;

  readonly sleep: CanaryPorts['sleep'] = (ms, stop) =>
    new Promise((resolve) => {
      const waiting: Waiting = {
        at_ms: this.now_ms + ms,
        wake: () => {
          this.#waiting.delete(waiting);
          stop.removeEventListener('abort', waiting.wake);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      stop.addEventListener('abort', waiting.wake, { once: true });
    });

  start(partitions = 1) {
    const stop = new AbortController();
    const ports: CanaryPorts = {
      emit: async ({ partition }, id) => {
        this.emitted.push(`${this.now_ms / 1000}:${partition}`);
        const after_ms = await this.path(this.now_ms);
        if (after_ms !== null) void this.sleep(after_ms, stop.signal).then(() => this.take(id));
      },
      follow: async (take, ready, signal) => {
        this.take = take;
        this.ready = ready;
        if (this.readyAtOnce) ready();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
      newId: () => Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? this.#ids++ : 0)),
      clock_ms: () => this.now_ms + this.skew_ms,
      sleep: this.sleep,
      events: {
        sent: () => undefined,
        answered: ({ partition, in_time }) => in_time || this.told.push(`${this.now_ms / 1000} late ${partition}`),
        missed: (partition) => this.told.push(`${this.now_ms / 1000} missed ${partition}`),
        failing: (reason) => this.told.push(`${this.now_ms / 1000} red: ${reason.replace("the canary's alert ", '')}`),
        recovered: () => this.told.push(`${this.now_ms / 1000} green`),
      },
    };
    const run = startCanaries({ targets: canaryTargets(partitions), settings: SETTINGS, ports }, stop.signal);
    return {
      ...run,
      stop: async () => {
        stop.abort();
        await run.ended;
      },
    };
  }

  async passTo(until_ms: number): Promise<void> {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      const next = [...this.#waiting].toSorted((a, b) => a.at_ms - b.at_ms)[0];
      if (next === undefined || next.at_ms > until_ms) break;
      this.now_ms = next.at_ms;
      next.wake();
    }
    this.now_ms = until_ms;
  }
}

describe('canaries', () => {
  it('go out at once and every 30 s, each partition its own, and say nothing while they come back', async () => {
    const world = new World();
    const run = world.start(2);
    await world.passTo(95_000);
    expect(world.emitted).toEqual(['0:0', '0:1', '30:0', '30:1', '60:0', '60:1', '90:0', '90:1']);
    expect(world.told).toEqual([]);
    expect(run.health()).toEqual({ kind: 'ok' });
    expect(run.counts()).toEqual({ sent: 8, seen: 8, missed: 0, out: 0, round_trip_ms: 800 });
    await run.stop();
  });

  it('turn health red within the bound when alerts stop to come, and green with the first that comes again', async () => {
    const world = new World();
    world.path = async (at_ms) => (at_ms >= 30_000 && at_ms < 120_000 ? null : 800);
    const run = world.start();
    await world.passTo(119_000);
    expect(run.health().kind).toBe('failing');
    await world.passTo(200_000);
    expect(world.told.filter((line) => !line.includes('missed'))).toEqual([
      '40.001 red: partition 0: did not come within 10 s',
      '120.801 green',
    ]);
    // While it is red they come as often as the bound.
    expect(world.told.filter((line) => line.includes('missed')).map((line) => line.split('.')[0])).toEqual([
      '40',
      '60',
      '70',
      '80',
      '90',
      '100',
      '110',
      '120',
    ]);
    expect(run.health()).toEqual({ kind: 'ok' });
    await run.stop();
  });

  it('stay red while every alert comes late', async () => {
    const world = new World();
    world.path = async () => 21_300;
    const run = world.start();
    await world.passTo(115_000);
    expect(run.health()).toMatchObject({
      kind: 'failing',
      reason: expect.stringMatching(/did not come within 10 s; the latest that came took 21\.3 s$/),
    });
    expect(world.told.filter((line) => line.includes('red'))).toHaveLength(1);
    expect(world.told.filter((line) => line.endsWith('green'))).toEqual([]);
    expect(run.counts()).toMatchObject({ seen: 0 });
    await run.stop();
  });

  it('tell that they cannot be emitted, with the code and never the message', async () => {
    const world = new World();
    world.path = async () => {
      throw Object.assign(new Error('acme@example.com'), { code: 'append_refused' });
    };
    const run = world.start();
    await world.passTo(1_000);
    expect(world.told).toEqual(['0 missed 0', '0 red: partition 0: cannot come: the canary was not emitted (append_refused)']);
    world.path = async () => 10;
    await world.passTo(11_000);
    expect(world.told.at(-1)).toBe('10.01 green');
    await run.stop();
  });

  it('wait for a log that hangs without piling up behind it', async () => {
    const world = new World();
    let free = (): void => undefined;
    world.path = () => new Promise((resolve) => (free = () => resolve(5)));
    const run = world.start();
    await world.passTo(300_000);
    expect(world.emitted).toHaveLength(1);
    expect(run.health()).toMatchObject({ reason: expect.stringMatching(/the event log has not taken the canary within 10 s/) });
    world.path = async () => 5;
    free();
    await world.passTo(331_000);
    expect(run.health()).toEqual({ kind: 'ok' });
    await run.stop();
  });

  it('are red where alerts cannot be followed, and emit nothing that nobody would see', async () => {
    const world = new World();
    world.readyAtOnce = false;
    const run = world.start();
    await world.passTo(50_000);
    expect(world.emitted).toEqual([]);
    expect(run.health().kind).toBe('failing');
    world.ready();
    await world.passTo(61_000);
    expect(run.health()).toEqual({ kind: 'ok' });
    await run.stop();
  });

  it('are judged by themselves in each process, and know nothing of those of an earlier life', async () => {
    const world = new World();
    world.path = async () => null;
    const first = world.start();
    await world.passTo(5_000);
    await first.stop();
    world.path = async () => 800;
    const [one, other] = [world.start(), world.start()];
    // Alerts of both come to both: only `other` is given its own here, and those of the first life come late.
    await world.passTo(7_000);
    world.take(new Uint8Array(16));
    expect(other.health()).toEqual({ kind: 'ok' });
    expect(other.counts()).toMatchObject({ sent: 1, seen: 1 });
    await world.passTo(20_000);
    expect(one.health().kind).toBe('failing');
    expect(other.health()).toEqual({ kind: 'ok' });
    await Promise.all([one.stop(), other.stop()]);
  });

  it('go on when the clock goes back an hour', async () => {
    const world = new World();
    const run = world.start();
    await world.passTo(10_000);
    world.skew_ms = -3_600_000;
    await world.passTo(130_000);
    expect(run.counts()).toMatchObject({ missed: 0 });
    expect(run.counts().sent).toBeGreaterThanOrEqual(4);
    world.path = async () => null;
    await world.passTo(200_000);
    expect(run.health().kind).toBe('failing');
    await run.stop();
  });

  it('end as failing, for good, where what follows alerts breaks', async () => {
    const world = new World();
    const stop = new AbortController();
    const run = startCanaries(
      {
        targets: canaryTargets(1),
        settings: SETTINGS,
        ports: {
          emit: async () => undefined,
          follow: async () => Promise.reject(new TypeError('boom')),
          newId: () => new Uint8Array(16),
          clock_ms: () => world.now_ms,
          sleep: world.sleep,
          events: {
            sent: () => undefined,
            answered: () => undefined,
            missed: () => undefined,
            failing: (reason) => world.told.push(reason),
            recovered: () => undefined,
          },
        },
      },
      stop.signal,
    );
    await expect(run.ended).rejects.toThrow('boom');
    expect(run.health()).toMatchObject({ kind: 'failing', reason: 'canaries ended by themselves (TypeError); restart the process' });
    expect(world.told).toEqual(['canaries ended by themselves (TypeError); restart the process']);
    stop.abort();
  });
});
