// Runs a TypeScript file of this repository from its sources: node scripts/run.mjs FILE [ARGUMENT…]
import { spawn } from 'node:child_process';
import './ensure-installed.mjs';

const [file, ...args] = process.argv.slice(2);
const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', file, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
