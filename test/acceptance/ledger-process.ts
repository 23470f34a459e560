/** Processes of a deployment on servers: a ledger, started as its user starts it, and a service that emits. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lineFrom, start } from './cli.ts';
import { idsIn } from './deployment.ts';

const POLL_MS = 100;
const LINES_SHOWN = 60;
const RUN = ['--initial-old-space-size=256', '--conditions=source', '--import', 'tsx'];

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** Lines of a child's output as they come, and its end. */
class Watched {
  readonly child: ChildProcess;
  readonly name: string;
  readonly lines: string[] = [];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  #end: number | string | null = null;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#end = code ?? signal ?? 'unknown';
        resolve(this.#end);
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.on('data', (chunk: Buffer) => {
        const parts = (rest + chunk.toString('utf8')).split('\n');
        rest = parts.pop() ?? '';
        this.lines.push(...parts);
      });
    }
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  transcript(): string {
    return [`--- ${this.name} (${this.#end ?? 'runs'}), its last lines:`, ...this.lines.slice(-LINES_SHOWN)].join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** As the kernel ends a process that is out of memory. */
  async kill(): Promise<void> {
    if (!this.isOver) this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Resolves with its exit code after SIGTERM. */
  stop(): Promise<number | string> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

/** A ledger, or another service that is watched and asked in the same ways. */
export class LedgerProcess extends Watched {
  constructor(name: string, env: NodeJS.ProcessEnv, main = 'services/ledger/src/main.ts') {
    super(name, start(process.execPath, [...RUN, main], env));
  }

  /** Resolves with its exit code after SIGTERM, which it is not sent before it can take it. */
  override async stop(): Promise<number | string> {
    await this.until('serving health and metrics');
    return super.stop();
  }

  /** Its log so far. */
  log(): readonly LogLine[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  /** Lines of its log with this message, from the `from`th line of its output on. */
  said(message: string, from = 0): readonly LogLine[] {
    return this.lines
      .slice(from)
      .filter((line) => line.includes(message))
      .map((line) => JSON.parse(line) as LogLine)
      .filter((line) => line.message === message);
  }

  /** Resolves when it has said so often enough since then; throws when it ends before. */
  async until(message: string, { times = 1, from = 0 }: { readonly times?: number; readonly from?: number } = {}): Promise<void> {
    while (this.said(message, from).length < times) {
      if (this.isOver) throw new Error(`${this.name} ended before it said "${message}"\n${this.transcript()}`);
      await sleep(POLL_MS);
    }
  }

  async #get(path: string): Promise<Response> {
    await this.until('serving health and metrics');
    const port = String(this.said('serving health and metrics')[0]?.['port']);
    return fetch(`http://127.0.0.1:${port}${path}`);
  }

  /** Names of the checks that fail, with their reasons; none when it is ready. */
  async unready(): Promise<readonly string[]> {
    interface Report {
      readonly checks: readonly { readonly name: string; readonly result: { readonly kind: string; readonly reason?: string } }[];
    }
    const answer = await this.#get('/readyz');
    const { checks } = (await answer.json()) as Report;
    const failing = checks.filter(({ result }) => result.kind !== 'ok').map(({ name, result }) => `${name}: ${result.reason ?? ''}`);
    if ((answer.status === 200) !== (failing.length === 0)) throw new Error(`/readyz answers ${answer.status} and ${failing.join('; ')}`);
    return failing;
  }

  /** Sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await this.#get('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** What it has in memory now, and had at most, in MiB. */
  memory(): { readonly now_mib: number; readonly peak_mib: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const mib = (field: string): number => Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
    return { now_mib: mib('VmRSS'), peak_mib: mib('VmHWM') };
  }
}

/** Code of a ledger that could not go on, and is to be started again (docs/operations/ledger.md). */
const EXIT_FAILED = 1;

export interface Supervised {
  /** Resolves when a life of it seals a round after now. */
  seals(): Promise<void>;
  /** Stops it in order. Throws when it did not end with 0, or an earlier life with a code that none should have. */
  stop(): Promise<void>;
}

export function supervise(startLife: (life: number) => LedgerProcess): Supervised {
  let life = 1;
  let running = startLife(life);
  let stopping = false;
  const wrong: string[] = [];
  const check = (): void => {
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  };
  const follow = (): void => {
    void running.ended.then((end) => {
      if (stopping) return;
      if (end !== EXIT_FAILED) wrong.push(`ended with ${end}: ${running.transcript()}`);
      running = startLife(++life);
      follow();
    });
  };
  follow();
  return {
    async seals() {
      for (let seen = 0, of: LedgerProcess | null = null; ; await sleep(POLL_MS)) {
        check();
        const sealed = running.said('round sealed').length;
        if (of === running && sealed > seen) return;
        if (of !== running) [of, seen] = [running, sealed];
      }
    },
    async stop() {
      stopping = true;
      const end = await running.stop();
      if (end !== 0) wrong.push(`ended with ${end} after SIGTERM: ${running.transcript()}`);
      check();
    },
  };
}

/** A service that emits until it is stopped. */
export interface KafkaLoad extends Watched {
  readonly begun: Promise<unknown>;
  /** Of the events that it was told are durable. */
  ids(): readonly string[];
  /** Ends it in order, and gives how many events it was told are durable. */
  accepted(): Promise<number>;
}

export function kafkaLoad(options: {
  readonly data: string;
  readonly producer: string;
  readonly rate: number;
  /** File for the ids. */
  readonly record: string;
  readonly env: NodeJS.ProcessEnv;
}): KafkaLoad {
  const { data, producer, rate, record, env } = options;
  const flags = Object.entries({ data, producer, rate: String(rate), record }).flatMap(([name, value]) => [`--${name}`, value]);
  const child = start(process.execPath, [...RUN, 'test/acceptance/kafka-load.ts', ...flags], env);
  const watched = new Watched(producer, child);
  const accepted = async (): Promise<number> => {
    const code = await watched.stop();
    const said = watched.lines.find((line) => line.startsWith('{'));
    const { accepted: count, lost, shed, closed } = JSON.parse(said ?? '{}') as Record<string, unknown>;
    const { length } = idsIn(record);
    if (code === 0 && closed === 'closed' && lost === 0 && shed === 0 && count === length) return length;
    throw new Error(`the load did not end in order (${length} ids): ${watched.transcript()}`);
  };
  return Object.assign(watched, { begun: lineFrom(child, /the load begins/), ids: () => idsIn(record), accepted });
}
