/** The front as a process of its own: `forkClickHouse` starts it. */
import type { ChildAnswer, ChildRequest } from './child.ts';
import { type ChdbHttpOptions, serveClickHouse } from './front.ts';

const front = await serveClickHouse(JSON.parse(process.argv[2] ?? '{}') as ChdbHttpOptions);

process.on('message', (request: ChildRequest) => {
  if (request.kind === 'fault') front.fault(request.fault, request.rule);
  if (request.kind === 'clear_faults') front.clearFaults();
  process.send?.({ id: request.id, value: front.faultsMet() } satisfies ChildAnswer);
});
process.send?.({ url: front.url });

// The parent says when to end; a parent that is gone says it too.
process.once('disconnect', () => {
  void front.close().finally(() => process.exit(0));
});
