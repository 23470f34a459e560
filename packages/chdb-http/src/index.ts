export { type ChdbHttpProcess, forkClickHouse } from './child.ts';
export type { FaultRule, HttpFault } from './faults.ts';
export { type ChdbHttp, type ChdbHttpOptions, type ChdbUser, type SeenRequest, serveClickHouse } from './front.ts';
