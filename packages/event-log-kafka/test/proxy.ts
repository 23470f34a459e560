import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { KafkaClientOptions } from '../src/index.ts';

/** Kafka's numbers of the requests that tests look for. */
export const api = { produce: 0, fetch: 1, offset_commit: 8, join_group: 11, heartbeat: 12 } as const;

/** What happens to the next requests of a kind: lost on the way there, or their answers on the way back. */
export type Loss = 'request' | 'response';

/** Stands between a client and its broker, understands what goes through, and cuts it on command. */
export interface Proxy {
  /** For a client that goes through here, whatever address the broker names. */
  readonly socketFactory: NonNullable<KafkaClientOptions['socketFactory']>;
  /** Loses the next `count` of a kind, and the connection with each. */
  lose(kind: number, what: Loss, count?: number): void;
  /** Requests of a kind that came from the client. */
  seen(kind: number): number;
  /** Ends all connections, and takes no new ones until it is lifted. */
  down(): void;
  up(): void;
  /** From now on nothing goes through the connections that stand, and nobody is told. */
  silence(): void;
  /** Keeps what comes, both ways, until it is released: then all of it goes on, late. */
  hold(): void;
  /** Holds from the next request of a kind on, that one included; resolves when it has come. */
  holdAt(kind: number): Promise<void>;
  release(): void;
  /** Forgets what it was to lose or hold, and releases what it holds. */
  calm(): void;
}

export async function openProxy(brokers: readonly string[]): Promise<Proxy> {
  const [host = '', port = ''] = (brokers[0] ?? '').split(':');
  const losses: { kind: number; what: Loss }[] = [];
  const counts = new Map<number, number>();
  const sockets = new Set<net.Socket>();
  let is_down = false;
  let era = 0;
  let held: (() => void)[] | null = null;
  let hold_at: { readonly kind: number; readonly tell: () => void } | null = null;
  const pass = (go: () => void): void => {
    if (held === null) go();
    else held.push(go);
  };

  const takeLoss = (kind: number, what: Loss): boolean => {
    const at = losses.findIndex((loss) => loss.kind === kind && loss.what === what);
    if (at < 0) return false;
    losses.splice(at, 1);
    return true;
  };

  const server = net.createServer((client) => {
    if (is_down) return void client.destroy();
    const born = era;
    const broker = net.connect(Number(port), host);
    const kinds = new Map<number, number>();
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    onFrames(client, (frame) => {
      if (born !== era) return;
      const kind = frame.readInt16BE(4);
      kinds.set(frame.readInt32BE(8), kind);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (hold_at?.kind === kind) {
        held ??= [];
        hold_at.tell();
        hold_at = null;
      }
      if (takeLoss(kind, 'request')) end();
      else pass(() => broker.write(frame));
    });
    onFrames(broker, (frame) => {
      if (born !== era) return;
      const correlation = frame.readInt32BE(4);
      const kind = kinds.get(correlation) ?? -1;
      kinds.delete(correlation);
      if (takeLoss(kind, 'response')) end();
      else pass(() => client.write(frame));
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const own_port = (server.address() as net.AddressInfo).port;
  const down = (): void => {
    is_down = true;
    for (const socket of sockets) socket.destroy();
  };
  const release = (): void => {
    hold_at = null;
    const late = held ?? [];
    held = null;
    for (const go of late) go();
  };
  onTestFinished(() => {
    down();
    server.close();
  });
  return {
    socketFactory: ({ onConnect }) => net.connect(own_port, '127.0.0.1', onConnect),
    lose: (kind, what, count = 1) => {
      for (let left = count; left > 0; left -= 1) losses.push({ kind, what });
    },
    seen: (kind) => counts.get(kind) ?? 0,
    down,
    up: () => {
      is_down = false;
    },
    silence: () => {
      era += 1;
    },
    hold: () => {
      held ??= [];
    },
    holdAt: (kind) =>
      new Promise((resolve) => {
        hold_at = { kind, tell: resolve };
      }),
    release,
    calm: () => {
      losses.length = 0;
      release();
    },
  };
}

/** Calls back with each whole frame, its length included. */
function onFrames(socket: net.Socket, take: (frame: Buffer) => void): void {
  let kept = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= 4) {
      const size = 4 + kept.readInt32BE(0);
      if (kept.length < size) return;
      take(kept.subarray(0, size));
      kept = kept.subarray(size);
    }
  });
}
