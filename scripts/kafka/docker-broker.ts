/** The same broker in a container, where Java or Maven is missing and Docker runs. */
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { kafka_version } from './broker.ts';

const ready_ms_max = 90_000;

/** null when no Docker runs here. */
export async function startDockerBroker(port: number): Promise<{ readonly address: string; stop(): Promise<void> } | null> {
  if ((await outcomeOf('docker', ['info'])).code !== 0) return null;
  const settings = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:${port + 1}`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${port + 1}`,
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '500',
    KAFKA_HEAP_OPTS: '-Xmx320m',
  };
  const environment = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const image = `apache/kafka:${kafka_version}`;
  const started = await outcomeOf('docker', ['run', '--rm', '-d', '-p', `127.0.0.1:${port}:${port}`, ...environment, image]);
  if (started.code !== 0) throw new Error(`docker could not start ${image}: ${started.told.trim().split('\n').at(-1)}`);
  const container = started.told.trim().split('\n').at(-1) ?? '';
  const stop = async (): Promise<void> => {
    await outcomeOf('docker', ['rm', '-f', container]);
  };
  const until_ms = Date.now() + ready_ms_max;
  while (!(await answers(port))) {
    if (Date.now() > until_ms) {
      await stop();
      throw new Error(`${image} did not take connections within ${ready_ms_max} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return { address: `127.0.0.1:${port}`, stop };
}

/** Docker's own end of the port answers before the broker does: what is not closed within a moment is the broker. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    const tell = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.on('error', () => tell(false));
    socket.on('close', () => tell(false));
    socket.on('connect', () => setTimeout(() => tell(true), 500));
  });

const outcomeOf = (command: string, args: readonly string[]): Promise<{ readonly code: number | null; readonly told: string }> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    child.on('error', () => resolve({ code: null, told }));
    child.on('close', (code) => resolve({ code, told }));
  });
