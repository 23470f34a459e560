/** The front in a process of its own: what a client uses is then told from what the engine uses, and it can be killed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChdbHttpOptions } from './front.ts';

export interface ChdbHttpProcess {
  readonly url: string;
  readonly pid: number;
  /** Ends it at once, as a crash does; resolves when it is gone. */
  kill(): Promise<void>;
  /** Waits for statements that run. */
  close(): Promise<void>;
}

/** Resolves when it takes requests. Throws when it ends before. */
export async function forkClickHouse(options: ChdbHttpOptions): Promise<ChdbHttpProcess> {
  const fromSources = import.meta.url.endsWith('.ts');
  const main = fileURLToPath(new URL(fromSources ? 'child-main.ts' : 'child-main.js', import.meta.url));
  const child = fork(main, [JSON.stringify(options)], { execArgv: fromSources ? ['--conditions=source', '--import', 'tsx'] : [] });
  const exited = once(child, 'exit');
  const [message] = (await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => {
      throw new Error(`the front ended with code ${String(code)} before it took requests`);
    }),
  ])) as [{ readonly url: string }];
  return {
    url: message.url,
    pid: child.pid as number,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
