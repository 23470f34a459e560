/** npm run kafka:up [PORT]: a broker for work by hand, in the background until kafka:down. */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isFree, missingTools } from './broker.ts';
import { state_dir } from './by-hand.ts';

const port = Number(process.argv[2] ?? 19092);
const missing = await missingTools();
if (missing !== null) {
  console.error(`kafka:up: ${missing}`);
  process.exit(3);
}
if (!(await isFree(port))) {
  console.error(`kafka:up: port ${port} is taken: is the broker up already? Else give another: npm run kafka:up PORT`);
  process.exit(1);
}
await mkdir(state_dir, { recursive: true });
const output = await open(`${state_dir}/holder.log`, 'w');
const holder = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('hold.ts', import.meta.url)), String(port)], {
  detached: true,
  stdio: ['ignore', output.fd, output.fd],
});
const over = new Promise<number>((resolve) => holder.on('exit', (code) => resolve(code ?? 1)));
holder.unref();
for (;;) {
  const told = await readFile(`${state_dir}/holder.log`, 'utf8');
  if (told.includes('ready')) break;
  const code = await Promise.race([over, new Promise<null>((resolve) => setTimeout(() => resolve(null), 200))]);
  if (code === null) continue;
  console.error(`kafka:up: ${(await readFile(`${state_dir}/holder.log`, 'utf8')).trim()}`);
  process.exit(1);
}
console.log(
  `Kafka takes requests on 127.0.0.1:${port}; export KAFKA_BROKERS=127.0.0.1:${port} lets the tests use it, npm run kafka:down ends it`,
);
process.exit(0);
