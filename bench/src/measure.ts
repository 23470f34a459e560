/** What the benchmarks share: CPU and memory of this process, and a way to give a result to the parent. */
import { readFileSync } from 'node:fs';

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
export function keptBytes(): number {
  const { gc } = globalThis as { readonly gc?: () => void };
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Memory of this process without the pages of mapped files, such as the event log's: of those the kernel takes back what it wants. */
export function anonymousBytes(): number {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return process.memoryUsage.rss();
}

/** The last line that a benchmark's process prints. */
export const give = (result: unknown): void => void process.stdout.write(`${JSON.stringify(result)}\n`);

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Numbers of a run: `--smoke` divides all of them, so that everything runs and nothing is measured. */
export const isSmoke = (): boolean => process.argv.includes('--smoke');
export const sized = (full: number, smoke: number): number => (isSmoke() ? smoke : full);
