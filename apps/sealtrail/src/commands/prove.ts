import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { writeOutput } from '../cli/files.ts';
import { wholeNumber } from '../cli/options.ts';

interface ProveOptions {
  readonly data: string;
  readonly tenant: string;
  readonly entry: number;
  readonly log?: string;
  readonly out: string;
  readonly json?: true;
}

export function registerProve(program: Command, context: CommandContext): void {
  program
    .command('prove')
    .description('write a file that proves one entry to anyone, without this deployment')
    .requiredOption('--tenant <name>', 'tenant of the entry')
    .requiredOption('--entry <n>', 'number of the entry in its log', wholeNumber)
    .requiredOption('--out <file>', 'where to write the proof')
    .option('--log <id>', 'log id in hex, where the tenant has several logs')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: ProveOptions) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const args = { tenant: options.tenant, entry: options.entry, log: options.log ?? null };
      const proof = await context.withOperations(directory, (operations) => operations.prove(args));
      await writeOutput(options.out, proof);
      console.say(
        `wrote ${options.out}: entry ${options.entry} of ${options.tenant}; check it with \`sealtrail verify ${options.out} --key …\``,
      );
      console.result({ tenant: options.tenant, entry: options.entry, out: options.out, bytes: Buffer.byteLength(proof) });
    });
}
