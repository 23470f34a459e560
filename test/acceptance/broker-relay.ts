/** A stretch of network between one client and its broker, on which requests can be kept. */
import { once } from 'node:events';
import net from 'node:net';

/** Kafka's number of OffsetCommit requests. */
export const OFFSET_COMMIT = 8;
/** Of a request, before its kind: its size. */
const SIZE_BYTES = 4;
const KIND_BYTES = 2;

export interface BrokerRelay {
  readonly port: number;
  /** Keeps the next request of a kind, and all that follow it on whatever connection; resolves when it has come. */
  keepFrom(kind: number): Promise<void>;
  /** Sends what was kept, late. */
  release(): void;
  close(): void;
}

/** Listens; passes on to `broker_port` of this machine. */
export async function openBrokerRelay(broker_port: number): Promise<BrokerRelay> {
  const sockets = new Set<net.Socket>();
  let kept: (() => void)[] | null = null;
  let keep: { readonly kind: number; readonly came: () => void } | null = null;

  const server = net.createServer((client) => {
    const broker = net.connect(broker_port, '127.0.0.1');
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    broker.pipe(client);
    let bytes = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= SIZE_BYTES + KIND_BYTES) {
        const end = SIZE_BYTES + bytes.readInt32BE(0);
        if (bytes.length < end) return;
        const request = bytes.subarray(0, end);
        if (keep?.kind === bytes.readInt16BE(SIZE_BYTES)) {
          kept ??= [];
          keep.came();
          keep = null;
        }
        bytes = bytes.subarray(end);
        if (kept === null) broker.write(request);
        else kept.push(() => void broker.write(request));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    keepFrom: (kind) =>
      new Promise((came) => {
        keep = { kind, came };
      }),
    release() {
      for (const send of kept ?? []) send();
      kept = null;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
