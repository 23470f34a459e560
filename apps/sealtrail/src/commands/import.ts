import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import type { DetectionError } from '@sealtrail/detection';
import { type Alerting, type DetectionOptions, loadDetection, SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import { type Console, count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import type { Operations, TenantTotals } from '../control/operations.ts';
import { connectControl } from '../control/socket.ts';
import { detectToEnd, type RuleAlerts } from '../deployment/detect-to-end.ts';
import { alertingOf } from '../deployment/detection.ts';
import { importCloudTrailFile } from '../deployment/import-cloudtrail.ts';
import { openStack } from '../deployment/stack.ts';
import { assertUnderstood, leftOutLines, plainErrors, SKIP_REFUSED, SKIP_REFUSED_MEANING } from '../detection/understood-rules.ts';

const SEAL_TIMEOUT_MS = 300_000;
const DETECT_TIMEOUT_MS = 600_000;

interface ImportOptions {
  readonly format: string;
  readonly tenant: string;
  readonly data: string;
  readonly detection: boolean;
  readonly rules?: string;
  readonly overrides?: string;
  readonly skipRefused?: true;
  readonly alerting?: string;
  readonly json?: true;
}

type LastRecord = { readonly partition: number; readonly offset: number } | null;

export function registerImport(program: Command, context: CommandContext): void {
  program
    .command('import')
    .description('read events from a file, and raise alerts for them; a second run goes on where the first ended')
    .argument('<file>', 'the file, .gz or plain')
    .requiredOption('--format <name>', 'cloudtrail')
    .requiredOption('--tenant <name>', 'tenant that the events belong to')
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--no-detection', 'raise no alerts; where `sealtrail up` runs, it does')
    .option('--rules <path>', 'folder of detection rules, or one file; the shipped ones when absent')
    .option('--overrides <file>', 'thresholds by rule and tenant')
    .option(SKIP_REFUSED, SKIP_REFUSED_MEANING)
    .option('--alerting <file>', 'who is told of alerts; alerting.yml of the data directory when absent')
    .option('--json', 'end with one JSON object')
    .action(async (file: string, options: ImportOptions) => {
      if (options.format !== 'cloudtrail') throw new UsageError(`--format ${options.format} is not known; known: cloudtrail`);
      const console = context.console({ json: options.json === true });
      const leftOut = assertRules(options, console);
      const directory = await openDataDirectory({ dir: options.data, create: { random: context.random } });
      const detects = options.detection && (await detectsHere(directory, options, context));
      const alerting = detects ? alertingOf(directory, options.alerting ?? null, context.clock_ms) : null;
      const read = await importCloudTrailFile({ directory, file, tenant: options.tenant, context, onProgress: console.progress });
      const { first_error, last, ...counts } = read;
      const { sealed: totals, alerts } =
        alerting !== null
          ? await sealAndDetect(directory, options, alerting, context, console, last)
          : {
              sealed: await context.withOperations(directory, (operations) => seal(operations, options.tenant, console, last)),
              alerts: null,
            };
      console.progressDone();
      console.say(
        `read ${count(counts.read)}: ${count(counts.accepted)} accepted, ${count(counts.skipped)} skipped (imported before), ${count(counts.rejected)} rejected`,
      );
      console.say(`${options.tenant} now has ${count(totals.entries)} entries in ${count(totals.batches)} batches`);
      if (alerts !== null) sayAlerts(console, alerts, options);
      if (first_error !== null)
        console.note(`sealtrail: ${file}: line ${first_error.line}: ${first_error.reason}; mend the line and import the file again`);
      console.result({
        ...counts,
        entries: totals.entries,
        batches: totals.batches,
        ...(alerts === null ? {} : { alerts }),
        ...(first_error === null ? {} : { first_error }),
        ...(options.skipRefused === true ? { left_out: plainErrors(leftOut) } : {}),
      });
    });
}

const detectionOf = ({ rules, overrides, skipRefused }: ImportOptions): DetectionOptions => ({
  rules: [rules ?? SHIPPED_RULES],
  pipelines: [STORED_PIPELINE],
  overrides: overrides ?? null,
  skip_refused: skipRefused === true,
});

/** Rules that were named are read before anything is made; gives what is left out of them. Throws UsageError. */
function assertRules(options: ImportOptions, console: Console): readonly DetectionError[] {
  const named = (options.rules ?? options.overrides ?? options.skipRefused) !== undefined;
  if (!options.detection && (named || options.alerting !== undefined)) {
    throw new UsageError('--no-detection leaves no use for --rules, --overrides, --skip-refused and --alerting; give one or the other');
  }
  if (!named) return [];
  const loaded = loadDetection(detectionOf(options));
  assertUnderstood(loaded, options.skipRefused === true);
  for (const line of leftOutLines(loaded)) console.note(line);
  return loaded.left_out;
}

/** A deployment that runs has a detector of its own, here or on servers. Throws UsageError where its rules were to be others. */
async function detectsHere(directory: DataDirectory, options: ImportOptions, context: CommandContext): Promise<boolean> {
  const elsewhere = context.adapters.kind === 'distributed' || (await connectControl(directory)) !== null;
  const { rules, overrides, skipRefused, alerting } = options;
  if (elsewhere && (rules ?? overrides ?? skipRefused ?? alerting) !== undefined) {
    throw new UsageError(
      'the deployment runs and detects by itself: leave --rules, --overrides, --skip-refused and --alerting out, and give them to `sealtrail up`',
    );
  }
  return !elsewhere;
}

async function seal(operations: Operations, tenant: string, console: Console, last: LastRecord): Promise<TenantTotals> {
  if (last !== null) {
    const { partition, offset } = last;
    await operations.awaitSealed({ partition, offset: offset + 1, timeout_ms: SEAL_TIMEOUT_MS }, console.progress);
  }
  return operations.totals({ tenant });
}

/** Nothing else runs on the directory: ledger and detector do here, until both have come to the end. */
async function sealAndDetect(
  directory: DataDirectory,
  options: ImportOptions,
  alerting: Alerting,
  { adapters, clock_ms, random, interrupted }: CommandContext,
  console: Console,
  last: LastRecord,
): Promise<{ readonly sealed: TenantTotals; readonly alerts: readonly RuleAlerts[] }> {
  const stack = await openStack({ directory, adapters, clock_ms, random, onEvent: (line) => console.note(line) });
  try {
    const stop = new AbortController();
    const ledger = stack.startLedger(stop.signal);
    try {
      const until = AbortSignal.any([interrupted, AbortSignal.timeout(DETECT_TIMEOUT_MS)]);
      return await detectToEnd(stack, { directory, rules: detectionOf(options), alerting, stop: until, onProgress: console.progress }, () =>
        seal(stack.operations, options.tenant, console, last),
      );
    } finally {
      stop.abort();
      await ledger;
    }
  } finally {
    await stack.close();
  }
}

const sum = (alerts: readonly RuleAlerts[]): number => alerts.reduce((total, one) => total + one.count, 0);

function sayAlerts(console: Console, alerts: readonly RuleAlerts[], { tenant, data }: ImportOptions): void {
  const own = alerts.filter((one) => one.tenant === tenant);
  const others = sum(alerts) - sum(own);
  const besides = others === 0 ? '' : `, and ${count(others)} for other tenants`;
  if (alerts.length === 0) return console.say('no new alerts');
  console.say(`${count(sum(own))} new alerts${besides}: see \`./sealtrail alerts list --data ${data}\``);
  if (own.length === 0) return;
  const rows = own.map(({ title, level, count: times }) => [level, title, count(times)]);
  const table = formatTable({ header: ['level', 'rule', 'alerts'], rows, align: ['left', 'left', 'right'], width: console.columns - 2 });
  for (const line of table.split('\n')) console.say(`  ${line}`);
}
