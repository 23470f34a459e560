import { fileURLToPath } from 'node:url';

/** Data and log of the broker that `npm run kafka:up` starts. */
export const state_dir: string = fileURLToPath(new URL('../../node_modules/.cache/sealtrail-kafka/by-hand', import.meta.url));
/** Who connects here asks the broker to end, and is let go when it has. */
export const end_socket: string = `${state_dir}/end.sock`;
