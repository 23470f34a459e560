/** Holds the broker of `npm run kafka:up` until somebody asks for its end. */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { startBroker } from './broker.ts';
import { end_socket, state_dir } from './by-hand.ts';

const broker = await startBroker({ dir: state_dir, port: Number(process.argv[2]) });
await rm(end_socket, { force: true });
const server = createServer((socket) => {
  // What it waits for below lets the socket go with this process.
  socket.on('error', () => undefined);
  void broker.stop();
});
server.listen(end_socket, () => console.log('ready'));
// Also when it ends by itself, or is killed.
await broker.over;
await rm(end_socket, { force: true });
process.exit(0);
