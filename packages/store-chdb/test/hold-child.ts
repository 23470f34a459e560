/** Holds the store of argv[2] open until its standard input ends. */
import { openChdbStore } from '../src/index.ts';

const store = await openChdbStore({ dir: process.argv[2] ?? '' });
process.stdout.write('open\n');
process.stdin.resume();
process.stdin.on('end', () => void store.close());
