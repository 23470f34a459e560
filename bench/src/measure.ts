/** What the benchmarks share: CPU and memory of this process, and a way to give a result to the parent. */
import { setImmediate as turn } from 'node:timers/promises';

export interface CpuClock {
  /** µs of CPU, user and system, of all threads of this process since the clock was made. */
  elapsed_us(): number;
}
export function cpuClock(): CpuClock {
  const from = process.cpuUsage();
  return {
    elapsed_us() {
      const { user, system } = process.cpuUsage(from);
      return user + system;
    },
  };
}

/** Collects garbage where `--expose-gc` allows it, and gives bytes that this process keeps: heap and buffers. */
export async function keptBytes(): Promise<number> {
  const { gc } = globalThis as { readonly gc?: () => void };
  for (let i = 0; i < 3; i++) {
    gc?.();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The last line that a benchmark's process prints. */
export const give = (result: unknown): void => void process.stdout.write(`${JSON.stringify(result)}\n`);

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Numbers of a run: `--smoke` divides all of them, so that everything runs and nothing is measured. */
export const isSmoke = (): boolean => process.argv.includes('--smoke');
export const sized = (full: number, smoke: number): number => (isSmoke() ? smoke : full);
