/** Holds a source until it is killed: `holding-process.ts <log dir> <topic> <source>`. */
import { randomBytes } from 'node:crypto';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { holdSource } from '../src/deployment/hold-source.ts';

const [dir = '', topic = '', source = ''] = process.argv.slice(2);
const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes });
const held = await holdSource(log, topic, source);
process.send?.({ held: held !== null });
setInterval(() => undefined, 60_000);
