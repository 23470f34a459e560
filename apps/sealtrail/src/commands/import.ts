import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import { count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { importCloudTrailFile } from '../deployment/import-cloudtrail.ts';

const SEAL_TIMEOUT_MS = 300_000;

interface ImportOptions {
  readonly format: string;
  readonly tenant: string;
  readonly data: string;
  readonly json?: true;
}

export function registerImport(program: Command, context: CommandContext): void {
  program
    .command('import')
    .description('read events from a file; a second run goes on where the first ended')
    .argument('<file>', 'the file, .gz or plain')
    .requiredOption('--format <name>', 'cloudtrail')
    .requiredOption('--tenant <name>', 'tenant that the events belong to')
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (file: string, options: ImportOptions) => {
      if (options.format !== 'cloudtrail') throw new UsageError(`--format ${options.format} is not known; known: cloudtrail`);
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data, create: { random: context.random } });
      const read = await importCloudTrailFile({ directory, file, tenant: options.tenant, context, onProgress: console.progress });
      const totals = await context.withOperations(directory, async (operations) => {
        if (read.last !== null) {
          await operations.awaitSealed(
            { partition: read.last.partition, offset: read.last.offset + 1, timeout_ms: SEAL_TIMEOUT_MS },
            console.progress,
          );
        }
        return operations.totals({ tenant: options.tenant });
      });
      console.progressDone();
      const { first_error, last: _, ...counts } = read;
      console.say(
        `read ${count(counts.read)}: ${count(counts.accepted)} accepted, ${count(counts.skipped)} skipped (imported before), ${count(counts.rejected)} rejected`,
      );
      console.say(`${options.tenant} now has ${count(totals.entries)} entries in ${count(totals.batches)} batches`);
      if (first_error !== null)
        console.note(`sealtrail: ${file}: line ${first_error.line}: ${first_error.reason}; mend the line and import the file again`);
      console.result({ ...counts, entries: totals.entries, batches: totals.batches, ...(first_error === null ? {} : { first_error }) });
    });
}
