import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type DetectionError, parseRuleTests, runRuleTests } from '@sealtrail/detection';
import { type LoadedDetection, loadDetection, readRuleTestFiles, SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import { count, counted } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import { EXIT_EVIDENCE, EXIT_USAGE, UsageError } from '../cli/exit.ts';
import { explainRule, namesLike } from '../detection/explain-rule.ts';
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
      // Overrides make one of a tenant's own: it is the same correlation.
      const correlated = new Set(correlations.linked.map(({ rule }) => rule.head.id)).size;
      const refused = new Set(errors.map(({ rule, place }) => rule ?? `${place.file}:${place.line}`)).size;
      console.say(
        `${counted(matcher.rules.length, 'rule')} and ${counted(correlated, 'correlation')} are understood, ${counted(refused, 'document')} refused`,
      );
      if (path !== undefined && isFile(path) && errors.some(({ code }) => code === 'rule_unknown'))
        console.say(`rules that it refers to may stand in other files of its folder: check ${dirname(path)}`);
      console.result({
        rules: matcher.rules.length,
        correlations: correlated,
        errors: plainErrors(errors),
        ok: errors.length === 0,
      });
      if (errors.length > 0) context.setExitCode(EXIT_USAGE);
    });

  rules
    .command('test')
    .description('run the tests that stand beside rules')
    .argument('[path]', 'folder of rules with a folder `tests` in it, or one file of such a folder; the shipped ones when absent')
    .option('--pipeline <files...>', 'field mappings; the one for imported events when absent')
    .option('--json', 'end with one JSON object')
    .action((path: string | undefined, options: Common) => {
      const console = context.console({ json: options.json === true });
      const folder = path !== undefined && isFile(path) ? dirname(path) : (path ?? SHIPPED_RULES);
      const loaded = load(folder, options);
      const files = readRuleTestFiles(folder).filter(
        ({ file }) => folder === path || path === undefined || basename(file) === basename(path),
      );
      if (files.length === 0)
        throw new UsageError(`no tests for ${path ?? folder}: they stand in a folder \`tests\` beside rules, in files of the same names`);
      const parsed = files.map(({ file, text }) => parseRuleTests(file, text));
      const refused = [...loaded.errors, ...parsed.flatMap(({ errors }) => errors)];
      for (const line of errorLines(refused)) console.say(line);
      const results = parsed.flatMap(({ tests }) => (tests === null ? [] : runRuleTests(tests, () => loaded.engine.fresh())));
      const failed = results.filter(({ failures }) => failures.length > 0);
      for (const { file, line, title, failures } of failed) {
        console.say(`${file}:${line}: ${title}`);
        for (const failure of failures) console.say(`    ${failure}`);
      }
      console.say(`${counted(results.length - failed.length, 'test')} passed, ${count(failed.length)} failed`);
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
      const { matcher, correlations, errors } = load(path, options);
      const silent = correlations.silent_rules;
      const heads = [...matcher.rules.filter(({ id }) => !silent.has(id)), ...correlations.linked.map(({ rule }) => rule.head)];
      const rows = heads
        .map(({ title, level, id, tags }) => ({ title, level, id, tags: [...tags] }))
        .sort((a, b) => (a.title < b.title ? -1 : 1));
      console.say(
        formatTable({
          header: ['rule', 'level', 'ATT&CK', 'id'],
          rows: rows.map(({ title, level, tags, id }) => [title, level, tags.map((tag) => tag.replace('attack.', '')).join(' '), id]),
          whole: [3],
          width: console.columns,
        }),
      );
      if (errors.length > 0)
        console.note(`sealtrail: some are refused and not listed: see \`sealtrail rules check${path === undefined ? '' : ` ${path}`}\``);
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
      const loaded = load(options.rules, options);
      const explained = explainRule(loaded, rule);
      if (explained === null) throw new UsageError(unknownRule(loaded, rule, options.rules));
      for (const line of explained.lines) console.say(line);
      console.result(explained.rule);
    });
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

function unknownRule(loaded: LoadedDetection, wanted: string, folder: string | undefined): string {
  const alike = namesLike(loaded, wanted);
  const meant = alike.length === 0 ? '' : ` (${alike.map((name) => `"${name}"`).join(', ')}?)`;
  return `no rule is called "${wanted}"${meant}; list them with \`sealtrail rules list${folder === undefined ? '' : ` ${folder}`}\`${folder === undefined ? ', or name the folder of your own with --rules' : ''}`;
}
