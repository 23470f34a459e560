import { userInfo } from 'node:os';
import type { Matcher } from '@sealtrail/alerting';
import { openDataDirectory } from '@sealtrail/data-directory';
import { formatTable } from '@sealtrail/service-runtime';
import type { Severity } from '@sealtrail/wire';
import type { Command } from 'commander';
import { count, counted } from '../cli/console.ts';
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
/** As many events of an alert are asked for in the statement that shows them. */
const ASKED_EVENTS_MAX = 20;
/** Of a finding about a record, which is no event. */
const NO_LEAF = /^0+$/;
const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;
const SILENCE_MS_MAX = 90 * 86_400_000;
const LABEL = /^(?:rule|level|tenant|group\..+)$/;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function registerAlerts(program: Command, context: CommandContext): void {
  const alerts = program.command('alerts').description('list, show, acknowledge and silence alerts');
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
      if (found.length === 0) console.say(nothingFound(options));
      else {
        console.say(
          formatTable({
            header: ['raised', 'level', 'rule', 'tenant', 'about', 'events', 'fate', 'id'],
            rows: found.map((alert) => [
              timeOf(Date.parse(alert.raised_at)),
              alert.level,
              alert.rule_title,
              alert.tenant,
              aboutOf(alert),
              count(alert.events_count),
              alert.fate,
              alert.id,
            ]),
            align: ['left', 'left', 'left', 'left', 'left', 'right', 'left', 'left'],
            whole: [7],
            width: console.columns,
          }),
        );
        if (found.length === options.limit)
          console.say(`the latest ${counted(options.limit, 'alert')}, there may be more: ask with --limit or a filter`);
      }
      console.result({ alerts: found, detection: standing });
    });

  alerts
    .command('show')
    .alias('explain')
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
      console.say(`  rests on   ${counted(alert.events_count, 'event')}${alert.value === null ? '' : `; value ${alert.value}`}`);
      console.say(`  fate       ${alert.fate}${alert.fate_detail === '' ? '' : ` (${alert.fate_detail})`}; risk ${alert.risk.accumulated}`);
      console.say(`  rule       ${alert.rule_id}; \`sealtrail rules explain ${alert.rule_id}\``);
      for (const { event_id, partition, offset, index } of alert.evidence.slice(0, 20)) {
        console.say(`    event ${event_id} at partition ${partition}, offset ${offset}, number ${index} of its batch`);
      }
      if (alert.evidence.length > 20) console.say(`    and ${count(alert.evidence.length - 20)} more (--json lists them)`);
      const events = alert.evidence.filter(({ leaf_hash }) => !NO_LEAF.test(leaf_hash)).slice(-ASKED_EVENTS_MAX);
      const ids = events.map(({ event_id }) => `'${event_id.replace(UUID_PARTS, '$1-$2-$3-$4-$5')}'`).join(', ');
      const columns = 'occurred_at, action, outcome, actor_id, source_ip, resource_id';
      if (events.length > 0)
        console.say(`  look       ./sealtrail sql "SELECT ${columns} FROM audit_events WHERE event_id IN (${ids})" --data ${options.data}`);
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
      console.say(
        `silenced for ${options.for}: ${aboutMatchers(args.matchers)}; end it with \`sealtrail alerts unsilence ${done.silence}\``,
      );
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
      if (found.length > 0)
        console.say(
          formatTable({
            header: ['until', 'about', 'by', 'why', 'id'],
            rows: found.map(({ id, matchers, until_ms, by, why }) => [timeOf(until_ms), aboutMatchers(matchers), by, why, id]),
            whole: [4],
            width: console.columns,
          }),
        );
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
          `${letter.message_id}  ${letter.notifier}  ${counted(letter.alerts_count, 'alert')}, ${letter.attempts} tries: ${letter.reason ?? 'unknown'}${letter.status === null ? '' : ` ${letter.status}`}`,
        );
      }
      console.say(
        found.length === 0 ? 'no dead letters' : `${counted(found.length, 'dead letter')}${options.resend === true ? ', sent again' : ''}`,
      );
      console.result({ dead_letters: found, resent: options.resend === true ? found.length : 0 });
    });
}

const aboutOf = ({ group }: PlainAlert): string =>
  Object.entries(group)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

/** 2026-01-05 09:00:00, in UTC. */
const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

const aboutMatchers = (matchers: readonly Matcher[]): string =>
  matchers.map(({ label, values, not }) => `${label}${not === true ? '!' : ''}=${values.join('|')}`).join(' ');

function nothingFound({ tenant, rule, level }: ListOptions): string {
  if (rule !== undefined)
    return `no alerts of that kind; --rule takes a rule's id, as \`sealtrail rules list\` and \`alerts show\` give it`;
  if ((tenant ?? level) !== undefined) return 'no alerts of that kind; without --tenant, --rule and --level all are listed';
  return 'no alerts; they are raised by `sealtrail up`, `sealtrail import` and the detector; `sealtrail backtest` runs rules over what is stored';
}

function levelOf(text: string): Severity {
  const level = LEVELS.find((known) => known === text.toUpperCase());
  if (level === undefined) throw new UsageError(`"${text}" is no level; known are ${LEVELS.join(', ').toLowerCase()}`);
  return level;
}

function matcherOf(text: string): Matcher {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is not LABEL=VALUE; labels are rule, level, tenant and group.NAME`);
  const label = text.slice(0, at);
  if (!LABEL.test(label)) throw new UsageError(`"${text}": an alert has no label "${label}"; use rule, level, tenant or group.NAME`);
  const value = text.slice(at + 1);
  // Levels of alerts are written in capitals: another spelling would silence nothing.
  return { label, values: [label === 'level' && !value.includes('*') ? levelOf(value) : value] };
}

function durationOf(text: string): number {
  const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const unit_ms = UNITS_MS[unit ?? ''];
  if (unit_ms === undefined) throw new UsageError(`--for ${text}: give a time such as 30m, 8h or 7d`);
  const ms = Number(amount) * unit_ms;
  if (ms === 0 || ms > SILENCE_MS_MAX) throw new UsageError(`--for ${text}: a silence lasts up to 90d`);
  return ms;
}
