import { userInfo } from 'node:os';
import type { Matcher } from '@sealtrail/alerting';
import { openDataDirectory } from '@sealtrail/data-directory';
import { formatTable } from '@sealtrail/service-runtime';
import type { Severity } from '@sealtrail/wire';
import type { Command } from 'commander';
import { count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { commaList, wholeNumber } from '../cli/options.ts';
import type { PlainAlert } from '../control/operations.ts';

interface Common {
  readonly data: string;
  readonly json?: true;
}
interface ListOptions extends Common {
  readonly tenant?: string;
  readonly rule?: string;
  readonly level?: readonly string[];
  readonly canaries?: true;
  readonly limit: number;
}
interface ActOptions extends Common {
  readonly by?: string;
  readonly why: string;
}

const LEVELS: readonly Severity[] = ['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];
const LIST_ROWS_MAX = 1_000;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function registerAlerts(program: Command, context: CommandContext): void {
  const alerts = program.command('alerts').description('list, explain, acknowledge and silence alerts');
  const open = (options: Common) => openDataDirectory({ dir: options.data });

  alerts
    .command('list')
    .description('latest alerts first, with what became of each')
    .option('--tenant <name>', 'of one tenant')
    .option('--rule <id>', 'of one rule')
    .option('--level <names>', 'levels with commas between: high,critical', commaList)
    .option('--canaries', 'those too that the deployment raises by itself, to see that detection works')
    .option('--limit <n>', `most alerts to show, ${LIST_ROWS_MAX} at most`, wholeNumber, 50)
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: ListOptions) => {
      const console = context.console({ json: options.json === true });
      if (options.limit < 1 || options.limit > LIST_ROWS_MAX) throw new UsageError(`--limit ${options.limit}: give 1 to ${LIST_ROWS_MAX}`);
      const args = {
        id: null,
        tenant: options.tenant ?? null,
        rule_id: options.rule ?? null,
        levels: options.level === undefined ? null : options.level.map(levelOf),
        canaries: options.canaries === true,
        rows_max: options.limit,
      };
      const { found, standing } = await context.withOperations(await open(options), async (operations) => ({
        found: await operations.alerts(args),
        standing: await operations.detection({}),
      }));
      const { canaries } = standing;
      if (canaries?.ok === false) console.say(`detection is red, alerts may be missing: ${canaries.reason ?? 'unknown'}`);
      if (found.length === 0)
        console.say(
          'no alerts; they are raised by `sealtrail up`, `sealtrail import` and the detector; `sealtrail backtest` runs rules over what is stored',
        );
      else {
        console.say(
          formatTable({
            header: ['raised', 'level', 'rule', 'tenant', 'about', 'events', 'fate', 'id'],
            rows: found.map((alert) => [
              alert.raised_at.slice(0, 19).replace('T', ' '),
              alert.level,
              alert.rule_title,
              alert.tenant,
              aboutOf(alert),
              count(alert.events_count),
              alert.fate,
              alert.id,
            ]),
            align: ['left', 'left', 'left', 'left', 'left', 'right', 'left', 'left'],
            width: console.columns,
          }),
        );
      }
      console.result({ alerts: found, detection: standing });
    });

  alerts
    .command('show')
    .description('one alert, with the places of the events that it rests on')
    .argument('<id>', '32 hex digits')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (id: string, options: Common) => {
      const console = context.console({ json: options.json === true });
      const args = { id, tenant: null, rule_id: null, levels: null, canaries: true, rows_max: 1 };
      const [alert] = await context.withOperations(await open(options), (operations) => operations.alerts(args));
      if (alert === undefined) throw new UsageError(`no alert has the id ${id}`);
      console.say(`${alert.rule_title} (${alert.level})`);
      console.say(`  tenant     ${alert.tenant}${aboutOf(alert) === '' ? '' : `, ${aboutOf(alert)}`}`);
      console.say(`  seen       ${alert.first_seen} to ${alert.last_seen}${alert.late ? ', late' : ''}`);
      console.say(`  rests on   ${count(alert.events_count)} events${alert.value === null ? '' : `; value ${alert.value}`}`);
      console.say(`  fate       ${alert.fate}${alert.fate_detail === '' ? '' : ` (${alert.fate_detail})`}; risk ${alert.risk.accumulated}`);
      console.say(`  rule       ${alert.rule_id}; \`sealtrail rules explain ${alert.rule_id}\``);
      for (const { event_id, partition, offset, index } of alert.evidence.slice(0, 20)) {
        console.say(`    event ${event_id} at partition ${partition}, offset ${offset}, number ${index} of its batch`);
      }
      if (alert.evidence.length > 20) console.say(`    and ${count(alert.evidence.length - 20)} more (--json lists them)`);
      console.say(`  prove      ./sealtrail prove --alert ${alert.id} --data ${options.data} --out proofs`);
      console.result({ alert });
    });

  alerts
    .command('ack')
    .description('say that somebody looks after an alert: its group is told of again only when another comes')
    .argument('<id>', '32 hex digits')
    .requiredOption('--why <text>', 'kept with the alert')
    .option('--by <name>', 'who; the user of this machine when absent')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (alert: string, options: ActOptions) => {
      const console = context.console({ json: options.json === true });
      const args = { kind: 'acknowledge', alert, by: options.by ?? userInfo().username, why: options.why } as const;
      const done = await context.withOperations(await open(options), (operations) => operations.alertAction(args));
      console.say(`acknowledged by ${args.by}`);
      console.result(done);
    });

  alerts
    .command('silence')
    .description('tell nobody of alerts of a kind for a while; they are kept and listed all the same')
    .argument('<matchers...>', 'LABEL=VALUE, such as tenant=acme rule=ID level=LOW group.actor_id=batch-*')
    .requiredOption('--for <time>', 'how long: 30m, 8h, 7d')
    .requiredOption('--why <text>', 'kept with the silence')
    .option('--by <name>', 'who; the user of this machine when absent')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (texts: readonly string[], options: ActOptions & { for: string }) => {
      const console = context.console({ json: options.json === true });
      const by = options.by ?? userInfo().username;
      const args = { kind: 'silence', matchers: texts.map(matcherOf), for_ms: durationOf(options.for), by, why: options.why } as const;
      const done = await context.withOperations(await open(options), (operations) => operations.alertAction(args));
      console.say(`silenced for ${options.for}; end it with \`sealtrail alerts unsilence ${done.silence}\``);
      console.result(done);
    });

  alerts
    .command('unsilence')
    .description('end a silence')
    .argument('<silence>', 'its id')
    .requiredOption('--why <text>', 'kept with the silence')
    .option('--by <name>', 'who; the user of this machine when absent')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (silence: string, options: ActOptions) => {
      const console = context.console({ json: options.json === true });
      const args = { kind: 'unsilence', silence, by: options.by ?? userInfo().username, why: options.why } as const;
      const done = await context.withOperations(await open(options), (operations) => operations.alertAction(args));
      console.say('the silence is over');
      console.result(done);
    });

  alerts
    .command('silences')
    .description('silences that hold, or will')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: Common) => {
      const console = context.console({ json: options.json === true });
      const found = await context.withOperations(await open(options), (operations) => operations.silences({}));
      for (const { id, matchers, until_ms, by, why } of found) {
        const about = matchers.map(({ label, values, not }) => `${label}${not === true ? '!' : ''}=${values.join('|')}`).join(' ');
        console.say(`${id}  until ${new Date(until_ms).toISOString()}  ${about}  by ${by}: ${why}`);
      }
      if (found.length === 0) console.say('no silences');
      console.result({ silences: found });
    });

  alerts
    .command('dead-letters')
    .description('messages that could not be delivered; --resend sends them again where a detector runs')
    .option('--resend', 'send them again')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: Common & { resend?: true }) => {
      const console = context.console({ json: options.json === true });
      const found = await context.withOperations(await open(options), async (operations) => {
        const dead = await operations.deadLetters({ rows_max: LIST_ROWS_MAX });
        if (options.resend === true) for (const { notifier, message_id } of dead) await operations.resend({ notifier, message_id });
        return dead;
      });
      for (const letter of found) {
        console.say(
          `${letter.message_id}  ${letter.notifier}  ${letter.alerts_count} alerts, ${letter.attempts} tries: ${letter.reason ?? 'unknown'}${letter.status === null ? '' : ` ${letter.status}`}`,
        );
      }
      console.say(
        found.length === 0 ? 'no dead letters' : `${count(found.length)} dead letters${options.resend === true ? ', sent again' : ''}`,
      );
      console.result({ dead_letters: found, resent: options.resend === true ? found.length : 0 });
    });
}

const aboutOf = ({ group }: PlainAlert): string =>
  Object.entries(group)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function levelOf(text: string): Severity {
  const level = LEVELS.find((known) => known === text.toUpperCase());
  if (level === undefined) throw new UsageError(`--level ${text}: known are ${LEVELS.join(', ').toLowerCase()}`);
  return level;
}

function matcherOf(text: string): Matcher {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is not LABEL=VALUE; labels are rule, level, tenant and group.NAME`);
  return { label: text.slice(0, at), values: [text.slice(at + 1)] };
}

function durationOf(text: string): number {
  const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const unit_ms = UNITS_MS[unit ?? ''];
  if (unit_ms === undefined) throw new UsageError(`--for ${text}: give a time such as 30m, 8h or 7d`);
  return Number(amount) * unit_ms;
}
