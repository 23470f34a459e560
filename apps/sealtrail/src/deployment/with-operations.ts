import type { DataDirectory } from '@sealtrail/data-directory';
import type { Operations } from '../control/operations.ts';
import { connectControl } from '../control/socket.ts';
import { openStack, type StackOptions } from './stack.ts';

/** Runs `act` on the running deployment through its socket; where none runs, on one opened here for the while. */
export async function withOperations<T>(
  options: Omit<StackOptions, 'directory'> & { readonly directory: DataDirectory },
  act: (operations: Operations) => Promise<T>,
): Promise<T> {
  const running = await connectControl(options.directory);
  if (running !== null) return act(running);
  const stack = await openStack(options);
  try {
    return await act(stack.operations);
  } finally {
    await stack.close();
  }
}
