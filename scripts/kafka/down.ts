/** npm run kafka:down: ends the broker that kafka:up started, and waits. Its data stays for the next. */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { end_socket } from './by-hand.ts';

const socket = createConnection(end_socket);
try {
  await once(socket, 'connect');
  socket.resume();
  await once(socket, 'close');
  console.log('the broker has ended');
} catch (error) {
  if (!['ENOENT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  console.log('no broker of kafka:up is running');
}
