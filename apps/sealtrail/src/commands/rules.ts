import { type DetectionError, parseRuleTests, runRuleTests } from '@sealtrail/detection';
import { type LoadedDetection, loadDetection, readRuleTestFiles, SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import { count } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { EXIT_EVIDENCE, EXIT_USAGE, UsageError } from '../cli/exit.ts';
import { explainRule } from '../detection/explain-rule.ts';
import { plainErrors } from '../detection/understood-rules.ts';

interface Common {
  readonly pipeline?: readonly string[];
  readonly overrides?: string;
  readonly json?: true;
}

/** One line a document that was refused. */
export const errorLines = (errors: readonly DetectionError[]): readonly string[] => errors.map(({ message }) => message);

const load = (path: string | undefined, options: Common): LoadedDetection =>
  loadDetection({
    rules: [path ?? SHIPPED_RULES],
    pipelines: options.pipeline ?? [STORED_PIPELINE],
    overrides: options.overrides ?? null,
  });

export function registerRules(program: Command, context: CommandContext): void {
  const rules = program.command('rules').description('check, test and explain detection rules');

  rules
    .command('check')
    .description('read rules and say which are refused, and why')
    .argument('[path]', 'folder of rules, or one file; the shipped ones when absent')
    .option('--pipeline <files...>', 'field mappings; the one for imported events when absent')
    .option('--overrides <file>', 'thresholds by rule and tenant')
    .option('--json', 'end with one JSON object')
    .action((path: string | undefined, options: Common) => {
      const console = context.console({ json: options.json === true });
      const { matcher, correlations, errors } = load(path, options);
      for (const line of errorLines(errors)) console.say(line);
      console.say(
        `${count(matcher.rules.length)} rules and ${count(correlations.linked.length)} correlations are understood, ${count(errors.length)} documents refused`,
      );
      console.result({
        rules: matcher.rules.length,
        correlations: correlations.linked.length,
        errors: plainErrors(errors),
        ok: errors.length === 0,
      });
      if (errors.length > 0) context.setExitCode(EXIT_USAGE);
    });

  rules
    .command('test')
    .description('run the tests that stand beside rules')
    .argument('[path]', 'folder of rules with a folder `tests` in it; the shipped ones when absent')
    .option('--pipeline <files...>', 'field mappings; the one for imported events when absent')
    .option('--json', 'end with one JSON object')
    .action((path: string | undefined, options: Common) => {
      const console = context.console({ json: options.json === true });
      const loaded = load(path, options);
      const parsed = readRuleTestFiles(path ?? SHIPPED_RULES).map(({ file, text }) => parseRuleTests(file, text));
      const refused = [...loaded.errors, ...parsed.flatMap(({ errors }) => errors)];
      for (const line of errorLines(refused)) console.say(line);
      const results = parsed.flatMap(({ tests }) => (tests === null ? [] : runRuleTests(tests, () => loaded.engine.fresh())));
      const failed = results.filter(({ failures }) => failures.length > 0);
      for (const { file, line, title, failures } of failed) {
        console.say(`${file}:${line}: ${title}`);
        for (const failure of failures) console.say(`    ${failure}`);
      }
      console.say(`${count(results.length - failed.length)} tests passed, ${count(failed.length)} failed`);
      console.result({
        passed: results.length - failed.length,
        failed,
        errors: plainErrors(refused),
        ok: failed.length === 0 && refused.length === 0,
      });
      if (refused.length > 0) context.setExitCode(EXIT_USAGE);
      else if (failed.length > 0) context.setExitCode(EXIT_EVIDENCE);
    });

  rules
    .command('list')
    .description('list rules with their level')
    .argument('[path]', 'folder of rules, or one file; the shipped ones when absent')
    .option('--json', 'end with one JSON object')
    .action((path: string | undefined, options: Common) => {
      const console = context.console({ json: options.json === true });
      const { matcher, correlations } = load(path, options);
      const silent = correlations.silent_rules;
      const heads = [...matcher.rules.filter(({ id }) => !silent.has(id)), ...correlations.linked.map(({ rule }) => rule.head)];
      const rows = heads
        .map(({ title, level, id, tags }) => ({ title, level, id, tags: [...tags] }))
        .sort((a, b) => (a.title < b.title ? -1 : 1));
      console.say(
        formatTable({
          header: ['rule', 'level', 'ATT&CK', 'id'],
          rows: rows.map(({ title, level, tags, id }) => [title, level, tags.map((tag) => tag.replace('attack.', '')).join(' '), id]),
          width: console.columns,
        }),
      );
      console.result({ rules: rows });
    });

  rules
    .command('explain')
    .description('say what one rule looks for')
    .argument('<rule>', 'id, name or title of the rule')
    .option('--rules <path>', 'folder of rules, or one file; the shipped ones when absent')
    .option('--json', 'end with one JSON object')
    .action((rule: string, options: Common & { rules?: string }) => {
      const console = context.console({ json: options.json === true });
      const explained = explainRule(load(options.rules, options), rule);
      if (explained === null) throw new UsageError(`no rule is called "${rule}"; list them with \`sealtrail rules list\``);
      for (const line of explained.lines) console.say(line);
      console.result(explained.rule);
    });
}
