import { resolve } from 'node:path';
import { openDataDirectory } from '@sealtrail/data-directory';
import {
  type BacktestResult,
  backtest,
  CLOUDTRAIL_PIPELINE,
  type DetectionOptions,
  type LoadedDetection,
  loadDetection,
  SHIPPED_RULES,
  STORED_PIPELINE,
} from '@sealtrail/detector';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import { type Console, count, counted } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { cloudTrailEvents, type SkippedLines } from '../detection/cloudtrail-events.ts';
import { type Labels, readLabels, scored } from '../detection/labels.ts';
import { assertUnderstood, leftOutLines, plainErrors, SKIP_REFUSED, SKIP_REFUSED_MEANING } from '../detection/understood-rules.ts';

interface BacktestOptions {
  readonly format?: string;
  readonly rules?: string;
  readonly pipeline?: readonly string[];
  readonly overrides?: string;
  readonly skipRefused?: true;
  readonly labels?: string;
  readonly tenant?: string;
  readonly data: string;
  readonly json?: true;
}

const FILE_TENANT = 'backtest';

export function registerBacktest(program: Command, context: CommandContext): void {
  program
    .command('backtest')
    .description('run rules over a file or over what is stored, and print what they would have raised')
    .argument('[file]', 'a file of events, .gz or plain; what is stored in --data when absent')
    .option('--format <name>', 'of the file: cloudtrail')
    .option('--rules <path>', 'folder of rules, or one file; the shipped ones when absent')
    .option('--pipeline <files...>', 'field mappings; those for the format when absent')
    .option('--overrides <file>', 'thresholds by rule and tenant')
    .option(SKIP_REFUSED, SKIP_REFUSED_MEANING)
    .option('--labels <file>', 'what should match: event id, tab, rule id, a line each; prints precision and recall')
    .option('--tenant <name>', 'only this tenant, of what is stored')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (file: string | undefined, options: BacktestOptions) => {
      const console = context.console({ json: options.json === true });
      const labels = options.labels === undefined ? null : readLabels(options.labels);
      const skipped: SkippedLines = { lines: 0, first: null };
      const chosen = (pipeline: string): DetectionOptions => ({
        rules: [options.rules ?? SHIPPED_RULES],
        pipelines: options.pipeline ?? [pipeline],
        overrides: options.overrides ?? null,
        skip_refused: options.skipRefused === true,
      });
      const understood = (detection: DetectionOptions): LoadedDetection => {
        const loaded = loadDetection(detection);
        assertUnderstood(loaded, options.skipRefused === true);
        for (const line of leftOutLines(loaded)) console.note(line);
        return loaded;
      };
      let loaded: LoadedDetection;
      let result: BacktestResult;
      if (file === undefined) {
        if (options.format !== undefined) throw new UsageError('--format is for a file: name the file, or leave --format out');
        const detection = chosen(STORED_PIPELINE);
        loaded = understood(detection);
        const directory = await openDataDirectory({ dir: options.data });
        const args = { ...absolute(detection), tenant: options.tenant ?? null };
        result = await context.withOperations(directory, (operations) => operations.backtest(args, console.progress));
      } else {
        if (options.format !== 'cloudtrail') throw new UsageError(`--format ${options.format ?? 'is missing'}: known is cloudtrail`);
        loaded = understood(chosen(CLOUDTRAIL_PIPELINE));
        const events = cloudTrailEvents(file, options.tenant ?? FILE_TENANT, skipped);
        result = await backtest(loaded, events, (done) => done % 1_000 === 0 && console.progress('events', done, null));
      }
      console.progressDone();
      print(console, result, labels);
      if (file === undefined && options.tenant !== undefined && result.events === 0)
        console.say(`nothing is stored of a tenant "${options.tenant}"`);
      if (result.windows_cut > 0)
        console.note(
          `sealtrail: ${counted(result.windows_cut, 'time')} a tenant came again after many others: alerts that rest on events before and after that may be missing; ask for one with --tenant`,
        );
      if (skipped.first !== null)
        console.note(
          `sealtrail: ${file}: ${count(skipped.lines)} lines are no records; line ${skipped.first.line}: ${skipped.first.reason}`,
        );
      console.result({
        ...result,
        ...(file === undefined ? {} : { skipped: skipped.lines }),
        ...(labels === null ? {} : { labels: scored(result, labels) }),
        ...(options.skipRefused === true ? { left_out: plainErrors(loaded.left_out) } : {}),
      });
    });
}

/** The running deployment may stand in another folder. */
const absolute = ({ rules, pipelines, overrides, ...options }: DetectionOptions): DetectionOptions => ({
  ...options,
  rules: rules.map((path) => resolve(path)),
  pipelines: pipelines.map((path) => resolve(path)),
  overrides: overrides === null ? null : resolve(overrides),
});

function print(console: Console, result: BacktestResult, labels: Labels | null): void {
  if (result.days.length > 0) {
    console.say(
      formatTable({
        header: ['day', 'rule', 'level', 'matches', 'alerts'],
        rows: result.days.map((day) => [day.day, day.rule_title, day.level, count(day.matches), count(day.alerts)]),
        align: ['left', 'left', 'left', 'right', 'right'],
        width: console.columns,
      }),
    );
  }
  console.say(`${count(result.events)} events, ${count(result.matches_count)} matches, ${count(result.alerts.length)} alerts`);
  if (labels === null) return;
  const { precision, recall, missed, unexpected } = scored(result, labels);
  console.say(
    `precision ${percent(precision)}, recall ${percent(recall)}: ${count(missed)} labelled matches missed, ${count(unexpected)} not labelled`,
  );
}

const percent = (share: number | null): string => (share === null ? 'not defined' : `${(share * 100).toFixed(1)}%`);
