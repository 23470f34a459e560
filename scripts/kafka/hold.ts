/** Holds the broker of `npm run kafka:up` until somebody asks for its end. */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { startBroker } from './broker.ts';
import { end_socket, state_dir } from './by-hand.ts';

const broker = await startBroker({ dir: state_dir, port: Number(process.argv[2]) });
await rm(end_socket, { force: true });
createServer((socket) => {
  void broker.stop().then(async () => {
    await rm(end_socket, { force: true });
    socket.end(() => process.exit(0));
  });
}).listen(end_socket, () => console.log('ready'));
