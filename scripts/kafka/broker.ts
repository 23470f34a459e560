/** A real Apache Kafka broker of one node, from Maven's jars, without an installation. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

export const kafka_version = '4.4.0';
const java_major_min = 17;
const ready_ms_max = 90_000;

export interface BrokerOptions {
  /** Holds its data, configuration and log; what is there is kept. */
  readonly dir: string;
  /** The one after it is the controller's. */
  readonly port: number;
  readonly heap_mb?: number;
  /** More broker properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface Broker {
  /** `host:port`. */
  readonly address: string;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly over: Promise<unknown>;
  /** Asks it to stop and waits. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** What is missing to run a broker from Maven's jars, as a line that says what to install; null when nothing is. */
export async function missingTools(): Promise<string | null> {
  const java = await outputOf('java', ['-version']);
  const major = Number(/version "(\d+)/.exec(java ?? '')?.[1] ?? 0);
  if (java === null || major < java_major_min) {
    return `Java ${java_major_min} or newer is not there (${java === null ? 'no java command' : `version ${major}`}): install it, on Debian openjdk-17-jre-headless`;
  }
  if (await isThere(join(libsFolder(), '.complete'))) return null;
  return (await outputOf('mvn', ['-v'])) === null ? 'Maven is not there (no mvn command): install it, on Debian maven' : null;
}

/** Starts a broker and resolves when it takes requests. It ends with this process, however that ends. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  await mkdir(options.dir, { recursive: true });
  const libs = await fetchedLibs();
  const configuration = join(options.dir, 'server.properties');
  await writeFile(configuration, propertiesOf(options));
  const java = ['-cp', `${libs}/*`, `-Dlog4j2.configurationFile=${folder}log4j2.xml`];
  if (!(await isThere(join(options.dir, 'log', 'meta.properties')))) {
    const cluster = newClusterId();
    const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '--config', configuration, '--cluster-id', cluster];
    await run('java', ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...java, ...format], options.dir);
  }
  const heap = ['-Xms128m', `-Xmx${options.heap_mb ?? 320}m`, '-XX:+UseSerialGC'];
  const log = join(options.dir, 'broker.log');
  const child = spawnGuarded('java', [...heap, ...java, 'kafka.Kafka', configuration]);
  const exited = once(child, 'exit');
  let pid = 0;
  let ready: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    ready = resolve;
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    const text = chunk.toString();
    pid ||= Number(/^(\d+)\n/.exec(text)?.[1] ?? 0);
    if (text.includes('Kafka Server started')) ready();
    void appendFile(log, chunk);
  });
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await exited;
  };
  const patience = setTimeout(() => void stop(), ready_ms_max);
  const outcome = await Promise.race([started.then(() => 'ready' as const), exited.then(() => 'over' as const)]);
  clearTimeout(patience);
  if (outcome === 'over') {
    const lines = (await readFile(log, 'utf8')).trim().split('\n').slice(-5).join('\n');
    throw new Error(`the Kafka broker did not start; the last lines of ${log}:\n${lines}`);
  }
  const kill = async (): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await exited;
  };
  return { address: `127.0.0.1:${options.port}`, pid, over: exited, stop, kill };
}

/** A UUID as Kafka writes it. It never begins with a dash, which the tool would take for an option. */
export function newClusterId(random: (bytes: number) => Buffer = randomBytes): string {
  const bytes = random(16);
  bytes[0] = (bytes[0] as number) & 0x7f;
  return bytes.toString('base64url');
}

/** A port that nobody listens on, with the one after it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = await listen(0);
    const { port } = server.address() as { port: number };
    server.close();
    if (await isFree(port + 1)) return port;
  }
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port).catch(() => null);
  server?.close();
  return server !== null;
}

async function listen(port: number): Promise<ReturnType<typeof createServer>> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The shell prints the broker's pid, and stops the broker when its input ends: at our word, or when we are gone. */
function spawnGuarded(command: string, args: readonly string[]): ChildProcess {
  const script =
    '"$@" 2>&1 & pid=$!; echo $pid; (cat <&3 >/dev/null; kill $pid; sleep 20; kill -9 $pid) 2>/dev/null & guard=$!; wait $pid; code=$?; kill $guard 2>/dev/null; exit $code';
  return spawn('sh', ['-c', `exec 3<&0; ${script}`, 'sh', command, ...args], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
}

/** The jars, fetched once into a folder that version control does not see. */
async function fetchedLibs(): Promise<string> {
  const libs = libsFolder();
  const complete = join(libs, '.complete');
  if (await isThere(complete)) return libs;
  const fresh = `${libs}.${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${fresh}`, '-DincludeScope=runtime'];
  await run('mvn', ['-B', '-q', '-f', join(folder, 'pom.xml'), ...goal], folder);
  await writeFile(join(fresh, '.complete'), '');
  await rename(fresh, libs).catch(async (error: unknown) => {
    // Another process was faster.
    if (!(await isThere(complete))) throw error;
    await rm(fresh, { recursive: true });
  });
  return libs;
}

const libsFolder = (): string => join(root, 'node_modules', '.cache', 'sealtrail-kafka', kafka_version);

const propertiesOf = ({ dir, port, properties }: BrokerOptions): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${port + 1}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(dir, 'log'),
    // One node: its own topics have one replica.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'auto.create.topics.enable': 'false',
    // A test's first member does not wait three seconds for others.
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'log.cleaner.dedupe.buffer.size': '4194304',
    // After kill -9 the node is taken for dead, and may come back, so much earlier.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    ...properties,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const told: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => told.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => told.push(chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${told.join('').trim().split('\n').slice(-8).join('\n')}`);
}

/** What a command prints; null when there is no such command. */
async function outputOf(command: string, args: readonly string[]): Promise<string | null> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  return new Promise((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', () => resolve(told));
  });
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
