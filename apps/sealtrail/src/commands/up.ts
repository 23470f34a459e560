import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { serveControl } from '../control/socket.ts';
import { openStack } from '../deployment/stack.ts';

export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description('run the embedded ledger on a data directory until it is stopped')
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: { data: string; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data, create: { random: context.random } });
      const stack = await openStack({
        directory,
        adapters: context.adapters,
        clock_ms: context.clock_ms,
        random: context.random,
        onEvent: (line) => console.note(line),
      });
      const failed = new AbortController();
      try {
        const ledger = stack.startLedger(AbortSignal.any([context.interrupted, failed.signal]));
        const control = await serveControl(directory, stack.operations).catch(async (error: unknown) => {
          failed.abort();
          await ledger;
          throw error;
        });
        console.say(`sealtrail is up on ${directory.path} as ${directory.deployment.audience}`);
        console.say(`  emit      services open ${directory.log_dir} (examples/README.md)`);
        console.say(`  query     ./sealtrail sql "SELECT action, count() FROM audit_events GROUP BY action" --data ${options.data}`);
        console.say(`  stop      Ctrl-C`);
        const end = await ledger;
        await control.close();
        console.say('stopped');
        console.result({ stopped: true, rounds: stack.roundsSealed() });
        if (end.kind === 'failed') throw end.cause;
      } finally {
        await stack.close();
      }
    });
}
