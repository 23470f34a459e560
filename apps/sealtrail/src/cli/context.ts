import type { DataDirectory } from '@sealtrail/data-directory';
import type { Operations } from '../control/operations.ts';
import type { Adapters } from '../deployment/adapters.ts';
import type { Console } from './console.ts';

/** What every command is given. */
export interface CommandContext {
  readonly console: (options: { readonly json: boolean }) => Console;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Aborted by SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
  /** Where deployments have their log and store. */
  readonly adapters: Adapters;
  /** Runs `act` with the operations of a directory: the running deployment's, or those of one opened for the while. */
  withOperations<T>(directory: DataDirectory, act: (operations: Operations) => Promise<T>): Promise<T>;
  /** Set by a command whose evidence did not hold. */
  setExitCode(code: number): void;
}
