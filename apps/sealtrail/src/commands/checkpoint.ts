import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { writeOutput } from '../cli/files.ts';

export function registerCheckpoint(program: Command, context: CommandContext): void {
  program
    .command('checkpoint')
    .description('write the newest signed checkpoint; keep it where the operator cannot change it')
    .option('--data <dir>', 'data directory', 'data')
    .option('--out <file>', 'where to write it; standard output when absent')
    .option('--json', 'end with one JSON object')
    .action(async (options: { data: string; out?: string; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const note = await context.withOperations(directory, (operations) => operations.checkpoint({}));
      if (options.out === undefined) console.say(note.replace(/\n$/, ''));
      else {
        await writeOutput(options.out, note);
        console.say(`wrote ${options.out}; later: sealtrail fsck --data ${options.data} --checkpoint ${options.out}`);
      }
      const [origin, size, root] = note.split('\n');
      console.result({ origin, size: Number(size), root, note, ...(options.out === undefined ? {} : { out: options.out }) });
    });
}
