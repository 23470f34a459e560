/** The engine in a process of its own, so that its CPU and memory are counted apart from the ledger's. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Engine, openEngine } from '@sealtrail/store-chdb';

type Asked =
  | { readonly id: number; readonly kind: 'run'; readonly statements: readonly string[]; readonly format: string | undefined }
  | { readonly id: number; readonly kind: 'usage' }
  | { readonly id: number; readonly kind: 'close' };
interface Answered {
  readonly id: number;
  readonly bytes?: string;
  readonly usage?: EngineUsage;
  readonly error?: string;
}

export interface EngineUsage {
  readonly cpu_us: number;
  readonly rss_bytes: number;
}

export interface RemoteEngine extends Engine {
  /** CPU of the engine's process since it began, and its memory. */
  usage(): Promise<EngineUsage>;
}

/** Starts the process on a folder. */
export async function startEngineProcess(folder: string): Promise<RemoteEngine> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [folder], {
    execArgv: process.execArgv.filter((arg) => !arg.includes('prof') && !arg.includes('gc')),
  });
  const waiting = new Map<number, (answer: Answered) => void>();
  let next = 0;
  let closed = false;
  child.on('message', (answer: Answered) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const ask = async (asked: Omit<Asked, 'id'> & Record<string, unknown>): Promise<Answered> => {
    const id = next++;
    const answer = await new Promise<Answered>((resolve) => {
      waiting.set(id, resolve);
      child.send({ ...asked, id });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  const runAll = async (statements: readonly string[], format?: string): Promise<Uint8Array> =>
    Buffer.from((await ask({ kind: 'run', statements, format })).bytes ?? '', 'base64');
  await ask({ kind: 'usage' });
  return {
    run: (sql, format) => runAll([sql], format),
    runAll,
    onConnection: (use) => use({ run: (sql, format) => runAll([sql], format) }),
    assertOpen() {
      if (closed) throw new Error('the engine was closed');
    },
    usage: async () => (await ask({ kind: 'usage' })).usage as EngineUsage,
    async close() {
      if (closed) return;
      closed = true;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await ask({ kind: 'close' });
      await gone;
    },
  };
}

function serveEngine(folder: string): void {
  const engine = openEngine(folder);
  const answer = async (asked: Asked): Promise<Omit<Answered, 'id'>> => {
    switch (asked.kind) {
      case 'run':
        return { bytes: Buffer.from(await engine.runAll(asked.statements, asked.format)).toString('base64') };
      case 'usage': {
        const { user, system } = process.cpuUsage();
        return { usage: { cpu_us: user + system, rss_bytes: process.memoryUsage.rss() } };
      }
      case 'close':
        await engine.close();
        return {};
    }
  };
  process.on('message', (asked: Asked) => {
    answer(asked)
      .catch((error: unknown) => ({ error: String(error) }))
      .then((given) => {
        process.send?.({ ...given, id: asked.id });
        if (asked.kind === 'close') process.disconnect();
      })
      .catch((error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      });
  });
}

const folder = process.argv[2];
if (process.argv[1] === fileURLToPath(import.meta.url) && folder !== undefined) serveEngine(folder);
