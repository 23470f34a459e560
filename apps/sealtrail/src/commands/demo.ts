import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { EXIT_EVIDENCE } from '../cli/exit.ts';
import { wholeNumber } from '../cli/options.ts';
import { provenHolds } from '../demo/alerts-raised.ts';
import { demoHolds, sayDemo } from '../demo/report.ts';
import { openDemoDirectory, runDemo } from '../demo/run-demo.ts';

export function registerDemo(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('one shot: a small API with real JWTs, traffic with attacks, alerts, sealed, queried, one row altered and found')
    .option('--data <dir>', 'keep the data here; a new directory')
    .option('--requests <n>', 'requests to send', wholeNumber, 2_000)
    .option('--json', 'end with one JSON object')
    .action(async (options: { data?: string; requests: number; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const started_ms = context.clock_ms();
      const folder = options.data ?? (await mkdtemp(join(tmpdir(), 'sealtrail-demo-')));
      try {
        const done = await runDemo(await openDemoDirectory(folder, context), options.requests, context, console);
        const ok = demoHolds(done);
        const seconds = (context.clock_ms() - started_ms) / 1000;
        sayDemo(console, done, seconds);
        if (options.data !== undefined)
          console.say(`The data is in ${options.data}: see it with \`./sealtrail fsck --data ${options.data}\`.`);
        const { altered, found, alerts, alertProven } = done;
        console.result({
          requests: done.traffic.requests,
          statuses: done.traffic.statuses,
          emitted: done.emitted,
          entries: done.totals.entries,
          batches: done.totals.batches,
          rejected: done.totals.rejected,
          fsck: { ok: done.clean.ok, findings: done.clean.findings },
          proof: { ok: done.proof.verdict.ok, bytes: done.proof.bytes },
          alerts: alerts.map((alert) => ({
            id: alert.id,
            rule_id: alert.rule_id,
            title: alert.rule_title,
            level: alert.level,
            tenant: alert.tenant,
            group: alert.group,
            actor: alert.actor,
            count: alert.events_count,
            entry: alert.entry,
          })),
          alert_proof:
            alertProven === null ? null : { alert: alertProven.alert, entries: alertProven.entries, ok: provenHolds(alertProven) },
          tamper: {
            altered: { tenant: altered.tenant, entry: altered.entry },
            found: found.findings.map(({ code, tenant, entry }) => ({ code, tenant, entry })),
          },
          seconds,
          ok,
        });
        if (!ok) context.setExitCode(EXIT_EVIDENCE);
      } finally {
        if (options.data === undefined) await rm(folder, { recursive: true, force: true });
      }
    });
}
