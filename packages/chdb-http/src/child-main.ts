/** The front as a process of its own: `forkClickHouse` starts it. */
import { type ChdbHttpOptions, serveClickHouse } from './front.ts';

const front = await serveClickHouse(JSON.parse(process.argv[2] ?? '{}') as ChdbHttpOptions);
process.send?.({ url: front.url });

// The parent says when to end; a parent that is gone says it too.
process.once('disconnect', () => {
  void front.close().finally(() => process.exit(0));
});
