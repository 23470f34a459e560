import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { printable } from '@sealtrail/service-runtime';
import { Command, CommanderError } from 'commander';
import { createConsole } from './cli/console.ts';
import type { CommandContext } from './cli/context.ts';
import { EXIT_FINE, EXIT_USAGE, failureOf } from './cli/exit.ts';
import { registerAlerts } from './commands/alerts.ts';
import { registerBacktest } from './commands/backtest.ts';
import { registerCheckpoint } from './commands/checkpoint.ts';
import { registerDemo } from './commands/demo.ts';
import { registerFsck } from './commands/fsck.ts';
import { registerImport } from './commands/import.ts';
import { registerKeys } from './commands/keys.ts';
import { registerProve } from './commands/prove.ts';
import { registerRules } from './commands/rules.ts';
import { registerSetup } from './commands/setup.ts';
import { registerSql } from './commands/sql.ts';
import { registerUp } from './commands/up.ts';
import { registerVerify } from './commands/verify.ts';
import { readServers } from './config.ts';
import { type Adapters, distributedAdapters, embeddedAdapters, lazyAdapters } from './deployment/adapters.ts';
import { withOperations } from './deployment/with-operations.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second signal does not wait.
    if (interrupted.signal.aborted) process.exit(EXIT_FINE);
    interrupted.abort();
  });
}

let exitCode = EXIT_FINE;
const clock_ms = Date.now;
const random = (bytes: number): Uint8Array => randomFillSync(new Uint8Array(bytes));
/** Told by the command that needs them first, so that help works whatever the environment says. */
const adapters: Adapters = lazyAdapters(() => {
  const servers = readServers(process.env, (path) => readFileSync(path, 'utf8'));
  return servers === null ? embeddedAdapters({ clock_ms, random }) : distributedAdapters(servers, { clock_ms, random });
});
const context: CommandContext = {
  adapters,
  clock_ms,
  random,
  interrupted: interrupted.signal,
  console: ({ json }) => createConsole({ json, stdout: process.stdout, stderr: process.stderr, env: process.env, clock_ms }),
  withOperations: (directory, act) =>
    withOperations({ directory, adapters, clock_ms, random, onEvent: (line) => void process.stderr.write(`${line}\n`) }, act),
  setExitCode: (code) => {
    exitCode = code;
  },
};

const program = new Command('sealtrail')
  .description('An audit log whose every row anyone can check.')
  .exitOverride()
  .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
  .addHelpText('after', '\nExit codes: 0 fine, 1 evidence does not hold, 2 bad usage or input, 3 environment.');
for (const register of [
  registerDemo,
  registerUp,
  registerImport,
  registerSql,
  registerProve,
  registerVerify,
  registerFsck,
  registerCheckpoint,
  registerKeys,
  registerSetup,
  registerRules,
  registerBacktest,
  registerAlerts,
]) {
  register(program, context);
}
// Subcommands do not inherit the override.
const override = (command: Command): void => {
  command.exitOverride().configureOutput({ outputError: () => undefined, writeErr: () => undefined });
  command.commands.forEach((sub) => override(sub as Command));
};
override(program);

// Whoever reads has read enough, as `head` does: no error of ours, and the command ends with the code that it has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? EXIT_FINE : EXIT_USAGE;
    if (exitCode !== EXIT_FINE) {
      const text =
        error.code === 'commander.help'
          ? 'name a command'
          : error.message
              .replace(/^error: /, '')
              .split('\n')
              .join(' ');
      process.stderr.write(
        `sealtrail: ${printable(text)}; see \`sealtrail ${process.argv[2]?.startsWith('-') === false ? `${process.argv[2]} ` : ''}--help\`\n`,
      );
    }
  } else {
    const failure = failureOf(error);
    exitCode = failure.exit_code;
    // A message may quote what was stored or asked.
    process.stderr.write(`sealtrail: ${printable(failure.message)}\n`);
    if (process.env['SEALTRAIL_TRACE']) console.error(error);
  }
}
process.exitCode = exitCode;
