import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { CANARY_DEFAULTS, type DetectionOptions, loadDetection, SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import { CANARY_PRODUCER } from '@sealtrail/wire';
import type { Command } from 'commander';
import type { Console } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { wholeNumber } from '../cli/options.ts';
import { serveControl } from '../control/socket.ts';
import { alertingOf, type DetectionRun } from '../deployment/detection.ts';
import { openStack, type Stack } from '../deployment/stack.ts';
import { assertUnderstood, leftOutLines, SKIP_REFUSED, SKIP_REFUSED_MEANING } from '../detection/understood-rules.ts';

interface UpOptions {
  readonly data: string;
  readonly detection: boolean;
  readonly rules?: string;
  readonly overrides?: string;
  readonly skipRefused?: true;
  readonly alerting?: string;
  readonly canaries: boolean;
  readonly canaryInterval: number;
  readonly json?: true;
}

const CANARY_INTERVAL_S_MAX = 3_600;

export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description('run the embedded ledger on a data directory until it is stopped')
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--no-detection', 'raise no alerts')
    .option('--rules <path>', 'folder of detection rules, or one file; the shipped ones when absent')
    .option('--overrides <file>', 'thresholds by rule and tenant')
    .option(SKIP_REFUSED, SKIP_REFUSED_MEANING)
    .option('--alerting <file>', 'who is told of alerts; alerting.yml of the data directory when absent')
    .option('--no-canaries', 'send no events of its own to see that detection works')
    .option('--canary-interval <s>', 'seconds between two canaries', wholeNumber, CANARY_DEFAULTS.interval_ms / 1000)
    .option('--json', 'end with one JSON object')
    .action(async (options: UpOptions) => {
      const console = context.console({ json: options.json === true });
      if (options.canaryInterval < 1 || options.canaryInterval > CANARY_INTERVAL_S_MAX)
        throw new UsageError(`--canary-interval ${options.canaryInterval}: give 1 to ${CANARY_INTERVAL_S_MAX} seconds`);
      // Before anything is made.
      if (options.detection && (options.rules ?? options.overrides) !== undefined)
        assertUnderstood(loadDetection(detectionOf(options)), options.skipRefused === true);
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
        const stop = AbortSignal.any([context.interrupted, failed.signal]);
        const canaries = detection === null || !options.canaries ? null : canariesOf(stack, detection, options, console, stop);
        for (const line of detection === null ? [] : leftOutLines(detection.rules)) console.note(line);
        console.say(`sealtrail is up on ${directory.path} as ${directory.deployment.audience}`);
        console.say(`  emit      services open ${directory.log_dir} (examples/README.md)`);
        console.say(`  query     ./sealtrail sql "SELECT action, count() FROM audit_events GROUP BY action" --data ${options.data}`);
        if (detection !== null) console.say(`  alerts    ./sealtrail alerts list --data ${options.data}`);
        console.say(`  stop      Ctrl-C`);
        const end = await ledger;
        failed.abort();
        await detection?.ended;
        await canaries;
        await control.close();
        console.say('stopped');
        console.result({ stopped: true, rounds: stack.roundsSealed() });
        if (end.kind === 'failed') throw end.cause;
      } finally {
        await stack.close();
      }
    });
}

const detectionOf = ({ rules, overrides, skipRefused }: UpOptions): DetectionOptions => ({
  rules: [rules ?? SHIPPED_RULES],
  pipelines: [STORED_PIPELINE],
  overrides: overrides ?? null,
  skip_refused: skipRefused === true,
});

/** Detection beside the ledger: a rule that is not understood keeps it from starting. Throws UsageError, AlertingError. */
const startDetectionOf = (
  stack: Stack,
  directory: DataDirectory,
  options: UpOptions,
  clock_ms: () => number,
  stop: AbortSignal,
): Promise<DetectionRun> => stack.startDetection(detectionOf(options), alertingOf(directory, options.alerting ?? null, clock_ms), stop);

/** Resolves once they have ended: at `stop`, or at once where none can be sent. The ledger goes on without them. */
async function canariesOf(stack: Stack, detection: DetectionRun, options: UpOptions, console: Console, stop: AbortSignal): Promise<void> {
  const settings = { ...CANARY_DEFAULTS, interval_ms: options.canaryInterval * 1000 };
  try {
    const run = await stack.startCanaries(detection, settings, stop);
    await run?.ended;
    if (run === null) console.note(`no canaries are sent: the key of ${CANARY_PRODUCER} was revoked; see docs/detection/canaries.md`);
  } catch (error) {
    console.note(`no canaries are sent: ${error instanceof Error ? error.message : String(error)}`);
  }
}
