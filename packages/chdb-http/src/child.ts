/** The front in a process of its own: what a client uses is then told from what the engine uses, and it can be killed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FaultRule, HttpFault } from './faults.ts';
import type { ChdbHttpOptions } from './front.ts';

export interface ChdbHttpProcess {
  readonly url: string;
  readonly pid: number;
  /** As those of a front; they are gone with the process. */
  fault(fault: HttpFault, rule?: FaultRule): Promise<void>;
  clearFaults(): Promise<void>;
  /** How many statements have met a fault so far. */
  faultsMet(): Promise<number>;
  /** Ends it at once, as a crash does; resolves when it is gone. */
  kill(): Promise<void>;
  /** Waits for statements that run. */
  close(): Promise<void>;
}

/** What the parent asks of the process. */
export type ChildRequest =
  | { readonly id: number; readonly kind: 'fault'; readonly fault: HttpFault; readonly rule: FaultRule }
  | { readonly id: number; readonly kind: 'clear_faults' | 'faults_met' };

export interface ChildAnswer {
  readonly id: number;
  readonly value: number;
}

/** Resolves when it takes requests. Throws when it ends before. */
export async function forkClickHouse(options: ChdbHttpOptions): Promise<ChdbHttpProcess> {
  const fromSources = import.meta.url.endsWith('.ts');
  const main = fileURLToPath(new URL(fromSources ? 'child-main.ts' : 'child-main.js', import.meta.url));
  // Rules hold regular expressions, which JSON does not.
  const serialization = 'advanced';
  const child = fork(main, [JSON.stringify(options)], {
    serialization,
    execArgv: fromSources ? ['--conditions=source', '--import', 'tsx'] : [],
  });
  const exited = once(child, 'exit');
  const [message] = (await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => {
      throw new Error(`the front ended with code ${String(code)} before it took requests`);
    }),
  ])) as [{ readonly url: string }];
  let asked = 0;
  /** Rejects when the process is gone. */
  const ask = (request: DistributiveOmit<ChildRequest, 'id'>): Promise<number> => {
    const id = ++asked;
    return new Promise((resolve, reject) => {
      const settle = (answer: ChildAnswer): void => {
        if (answer.id !== id) return;
        child.off('message', settle);
        resolve(answer.value);
      };
      child.on('message', settle);
      const gone = (): void => {
        child.off('message', settle);
        reject(new Error(`the front is gone: it was asked for ${request.kind}`));
      };
      void exited.then(gone, gone);
      child.send({ ...request, id }, (error) => error !== null && gone());
    });
  };
  return {
    url: message.url,
    pid: child.pid as number,
    async fault(fault, rule = {}) {
      await ask({ kind: 'fault', fault, rule });
    },
    async clearFaults() {
      await ask({ kind: 'clear_faults' });
    },
    faultsMet: () => ask({ kind: 'faults_met' }),
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

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
