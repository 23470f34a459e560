import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import { count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { writeOutput } from '../cli/files.ts';
import { wholeNumber } from '../cli/options.ts';

interface ProveOptions {
  readonly data: string;
  readonly tenant?: string;
  readonly entry?: number;
  readonly alert?: string;
  readonly log?: string;
  readonly out: string;
  readonly json?: true;
}

export function registerProve(program: Command, context: CommandContext): void {
  program
    .command('prove')
    .description('write a file that proves one entry to anyone, without this deployment; or one for each event of an alert')
    .option('--tenant <name>', 'tenant of the entry')
    .option('--entry <n>', 'number of the entry in its log', wholeNumber)
    .option('--alert <id>', 'instead of an entry: those that this alert rests on')
    .requiredOption('--out <file>', 'where to write the proof; with --alert a folder, made when it is missing')
    .option('--log <id>', 'log id in hex, where the tenant has several logs')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: ProveOptions) => {
      if (options.alert !== undefined) return proveAlert(context, options, options.alert);
      const { tenant, entry } = options;
      if (tenant === undefined) throw new UsageError("required option '--tenant <name>' not specified; or name an alert with --alert");
      if (entry === undefined) throw new UsageError("required option '--entry <n>' not specified; or name an alert with --alert");
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const args = { tenant, entry, log: options.log ?? null };
      const proof = await context.withOperations(directory, (operations) => operations.prove(args));
      await writeOutput(options.out, proof);
      console.say(`wrote ${options.out}: entry ${entry} of ${tenant}; check it with \`sealtrail verify ${options.out} --key …\``);
      console.result({ tenant, entry, out: options.out, bytes: Buffer.byteLength(proof) });
    });
}

/** A proof file for each event that the alert rests on and that is sealed; says why there is none for the others. */
async function proveAlert(context: CommandContext, options: ProveOptions, id: string): Promise<void> {
  if (options.tenant !== undefined || options.entry !== undefined || options.log !== undefined) {
    throw new UsageError('--alert names the entries itself; leave --tenant, --entry and --log out');
  }
  const console = context.console({ json: options.json === true });
  const directory = await openDataDirectory({ dir: options.data });
  const { rule_title, tenant, proofs } = await context.withOperations(directory, (operations) => operations.proveAlert({ id }));
  await mkdir(options.out, { recursive: true });
  const written: { entry: number; event_id: string; file: string }[] = [];
  for (const { entry, event_id, proof } of proofs) {
    if (proof === null || entry === null) continue;
    const file = join(options.out, `${event_id}.txt`);
    await writeOutput(file, proof);
    written.push({ entry, event_id, file });
  }
  const missing = proofs.filter(({ proof }) => proof === null).map(({ event_id, reason }) => ({ event_id, reason }));
  console.say(`${rule_title}, tenant ${tenant}: wrote ${count(written.length)} proofs to ${options.out}`);
  for (const { event_id, reason } of missing) console.say(`  none for ${event_id}: ${reason}`);
  console.result({ alert: id, tenant, proofs: written, missing });
}
