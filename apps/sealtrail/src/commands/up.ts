import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { serveControl } from '../control/socket.ts';
import { alertingOf, type DetectionRun } from '../deployment/detection.ts';
import { openStack, type Stack } from '../deployment/stack.ts';

interface UpOptions {
  readonly data: string;
  readonly detection: boolean;
  readonly rules?: string;
  readonly overrides?: string;
  readonly alerting?: string;
  readonly json?: true;
}

export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description('run the embedded ledger on a data directory until it is stopped')
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--no-detection', 'raise no alerts')
    .option('--rules <path>', 'folder of detection rules, or one file; the shipped ones when absent')
    .option('--overrides <file>', 'thresholds by rule and tenant')
    .option('--alerting <file>', 'who is told of alerts; alerting.yml of the data directory when absent')
    .option('--json', 'end with one JSON object')
    .action(async (options: UpOptions) => {
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
        const detection = options.detection
          ? await startDetectionOf(
              stack,
              directory,
              options,
              context.clock_ms,
              AbortSignal.any([context.interrupted, failed.signal]),
            ).catch(async (error: unknown) => {
              failed.abort();
              await ledger;
              throw error;
            })
          : null;
        const control = await serveControl(directory, stack.operations).catch(async (error: unknown) => {
          failed.abort();
          await ledger;
          throw error;
        });
        console.say(`sealtrail is up on ${directory.path} as ${directory.deployment.audience}`);
        console.say(`  emit      services open ${directory.log_dir} (examples/README.md)`);
        console.say(`  query     ./sealtrail sql "SELECT action, count() FROM audit_events GROUP BY action" --data ${options.data}`);
        if (detection !== null) console.say(`  alerts    ./sealtrail alerts list --data ${options.data}`);
        console.say(`  stop      Ctrl-C`);
        const end = await ledger;
        failed.abort();
        await detection?.ended;
        await control.close();
        console.say('stopped');
        console.result({ stopped: true, rounds: stack.roundsSealed() });
        if (end.kind === 'failed') throw end.cause;
      } finally {
        await stack.close();
      }
    });
}

/** Detection beside the ledger: a rule that is not understood keeps it from starting. Throws UsageError, AlertingError. */
const startDetectionOf = (
  stack: Stack,
  directory: DataDirectory,
  options: UpOptions,
  clock_ms: () => number,
  stop: AbortSignal,
): Promise<DetectionRun> =>
  stack.startDetection(
    { rules: [options.rules ?? SHIPPED_RULES], pipelines: [STORED_PIPELINE], overrides: options.overrides ?? null },
    alertingOf(directory, options.alerting ?? null, clock_ms),
    stop,
  );
