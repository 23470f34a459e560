import { readdirSync, readFileSync } from 'node:fs';
import { type Compiled, compile, DetectionError, type LoadedRules, loadRules, type RuleFile, type RuleHead } from '@sealtrail/detection';
import { sha256 } from '@sealtrail/merkle/node';

const folder = new URL('../../rules/', import.meta.url);
const hash = sha256();
export const sha256Of = (bytes: Uint8Array): Uint8Array => hash.digest(bytes);

const ymlFiles = (url: URL): readonly RuleFile[] =>
  readdirSync(url)
    .filter((name) => name.endsWith('.yml') && !name.startsWith('overrides'))
    .sort()
    .map((name) => ({ file: name, text: readFileSync(new URL(name, url), 'utf8') }));

/** The rules in `rules/`, each file by its name. */
export const ruleFiles = (): readonly RuleFile[] => ymlFiles(folder);
/** The tests in `rules/tests/`. */
export const ruleTestFiles = (): readonly RuleFile[] => ymlFiles(new URL('tests/', folder));

/** Loads and compiles the shipped rules; an error in any of them is thrown. */
export function compileShipped(files: readonly RuleFile[] = ruleFiles()): { readonly loaded: LoadedRules; readonly compiled: Compiled } {
  const loaded = loadRules(files, { sha256: sha256Of });
  const compiled = compile(loaded, { sha256: sha256Of });
  const errors = [...loaded.errors, ...compiled.errors];
  if (errors.length > 0)
    throw new DetectionError(
      errors[0]?.code ?? 'field_invalid',
      { file: 'rules', line: 1 },
      null,
      errors.map(({ message }) => message).join(' | '),
    );
  return { loaded, compiled };
}

/** The rules and correlations that alert by themselves: those that others rest on do not. */
export function alertingHeads({ loaded, compiled }: ReturnType<typeof compileShipped>): readonly RuleHead[] {
  const { silent_rules, linked } = compiled.correlations;
  const silent = new Set([...silent_rules, ...linked.filter((one) => one.silent).map(({ rule }) => rule.head.id)]);
  return [...loaded.rules, ...loaded.correlations].map(({ head }) => head).filter(({ id }) => !silent.has(id));
}

/** Those that are measured: all that find something in what others do. A canary is the deployment's own event. */
export const measuredHeads = (shipped: ReturnType<typeof compileShipped>): readonly RuleHead[] =>
  alertingHeads(shipped).filter(({ name }) => name !== 'canary_seen');
