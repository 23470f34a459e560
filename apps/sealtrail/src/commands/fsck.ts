import { openDataDirectory } from '@sealtrail/data-directory';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import { count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { EXIT_EVIDENCE } from '../cli/exit.ts';
import { readInput, readKey } from '../cli/files.ts';

const FINDINGS_SHOWN_MAX = 50;
/** Enough to tell the logs of a tenant apart: the detail needs the room. `--json` has it in full. */
const LOG_SHOWN_CHARS = 8;

const shortened = (log: string | undefined): string => (log === undefined ? '' : `${log.slice(0, LOG_SHOWN_CHARS)}…`);

export function registerFsck(program: Command, context: CommandContext): void {
  program
    .command('fsck')
    .description('recompute the whole store and name what does not hold')
    .option('--data <dir>', 'data directory', 'data')
    .option('--checkpoint <file>', 'a checkpoint that was kept elsewhere: the store must extend it')
    .option('--key <vkey>', "verifier key of that checkpoint, or a file with it; the deployment's own when absent")
    .option('--json', 'end with one JSON object')
    .action(async (options: { data: string; checkpoint?: string; key?: string; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const checkpoint = options.checkpoint === undefined ? null : await readInput(options.checkpoint, 'checkpoint');
      const verifier_key = options.key === undefined ? null : await readKey(options.key);
      const report = await context.withOperations(directory, (operations) =>
        operations.fsck({ checkpoint, verifier_key }, console.progress),
      );
      console.progressDone();
      const what = `${count(report.entries)} entries in ${count(report.batches)} batches and ${count(report.rounds)} rounds`;
      if (report.ok) console.say(`clean: ${what} recompute${checkpoint === null ? '' : ', and extend the checkpoint that was given'}`);
      else {
        const place = (value: string | number | undefined): string => (value === undefined ? '' : String(value));
        const shown = report.findings.slice(0, FINDINGS_SHOWN_MAX);
        console.say(`${count(report.findings.length)} finding${report.findings.length === 1 ? '' : 's'} in ${what}`);
        console.say(
          formatTable({
            header: ['finding', 'tenant', 'log', 'entry', 'position', 'detail'],
            rows: shown.map((f) => [f.code, place(f.tenant), shortened(f.log), place(f.entry), place(f.position), f.detail]),
            width: console.columns,
          }),
        );
        if (shown.length < report.findings.length)
          console.say(`… and ${count(report.findings.length - shown.length)} more; --json lists them all`);
        context.setExitCode(EXIT_EVIDENCE);
      }
      if (!report.views_checked)
        console.say('not checked: the views that analysts read through; the disk is full, make room and run it again');
      console.result(report);
    });
}
