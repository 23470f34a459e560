import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Compiled,
  compile,
  type DetectionError,
  type LoadedRules,
  loadOverrides,
  loadPipelines,
  loadRules,
  type RuleFile,
  type RuleSet,
  replaySpan_us,
} from '@sealtrail/detection';
import { sha256 } from '@sealtrail/merkle/node';
import { DETECTION_TIMES } from './ports.ts';
import { type Understood, withoutRefused } from './skip-refused.ts';

/** Rules, pipelines or overrides that are not there, or cannot be read. The message names the path and says what to do. */
export class RuleFileError extends Error {
  readonly code = 'input_missing';
}

/** The rules that are shipped. */
export const SHIPPED_RULES: string = fileURLToPath(new URL('../../../rules', import.meta.url));
const PIPELINES = join(SHIPPED_RULES, 'pipelines');
/** Maps AWS rules to imported events as they are stored. */
export const STORED_PIPELINE: string = join(PIPELINES, 'cloudtrail-audit.yml');
/** Maps AWS rules to CloudTrail's own records. */
export const CLOUDTRAIL_PIPELINE: string = join(PIPELINES, 'cloudtrail.yml');

/** What the windows of all partitions take together, estimated. */
const STATE_BYTES_MAX = 512 * 1_048_576;
/** No partition has less: one tenant may have as many keys as it is allowed. */
const PARTITION_STATE_BYTES_MIN = 64 * 1_048_576;

/** Folders beside the rules that hold something else. */
const NOT_RULES: ReadonlySet<string> = new Set(['tests', 'pipelines']);
const isYaml = (name: string): boolean => /\.ya?ml$/.test(name);
const isOverrides = (name: string): boolean => /^overrides\b.*\.ya?ml$/.test(name);

/** YAML files of rules under a folder, or the one file; by path. Throws RuleFileError. */
function readRuleFiles(path: string): readonly RuleFile[] {
  const files = filesUnder(path, (name, folders) => isYaml(name) && !isOverrides(name) && !folders.some((folder) => NOT_RULES.has(folder)));
  if (files.length === 0) throw new RuleFileError(`no rules in ${path}; give a folder with .yml files, or one of them`);
  return files;
}

/** The tests of rules under a folder. */
export const readRuleTestFiles = (path: string): readonly RuleFile[] =>
  filesUnder(path, (name, folders) => isYaml(name) && folders.includes('tests'));

function filesUnder(path: string, wanted: (name: string, folders: readonly string[]) => boolean): readonly RuleFile[] {
  const read = (file: string): RuleFile => ({ file: relative(process.cwd(), file) || file, text: textOf(file) });
  let names: string[];
  try {
    names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [read(path)];
    throw new RuleFileError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code}); give a folder with rules`);
  }
  const chosen = names.filter((name) => {
    const parts = name.split(/[\\/]/);
    return wanted(parts.at(-1) ?? '', parts.slice(0, -1));
  });
  return chosen.sort().map((name) => read(join(path, name)));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new RuleFileError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
}

export interface DetectionOptions {
  /** Folders or files. */
  readonly rules: readonly string[];
  readonly pipelines: readonly string[];
  /** A file of thresholds by rule and tenant; null for none. */
  readonly overrides: string | null;
  /** Runs the others where rules are refused; they are in `left_out` then. */
  readonly skip_refused?: boolean;
}

export interface LoadedDetection extends Compiled {
  readonly files: readonly RuleFile[];
  /** How far back windows reach, twice: what a replay must cover. */
  readonly replay_span_us: number;
  /** Why documents were refused, at whatever step; those in `left_out` not. */
  readonly errors: readonly DetectionError[];
  /** Why rules and correlations are not among those that run; empty unless that was asked for. */
  readonly left_out: readonly DetectionError[];
}

/**
 * Reads and compiles rules. What is refused is in `errors`; the caller decides whether the rest may run. Throws RuleFileError.
 *
 * @param partitions that are evaluated at once, each with windows of its own
 */
export function loadDetection({ rules, pipelines, overrides, skip_refused }: DetectionOptions, partitions = 1): LoadedDetection {
  const hash = sha256();
  const digest = (bytes: Uint8Array): Uint8Array => hash.digest(bytes);
  const files = rules.flatMap(readRuleFiles);
  const mapped = loadPipelines(pipelines.map((file) => ({ file: relative(process.cwd(), file) || file, text: textOf(file) })));
  const changes = overrides === null ? {} : { overrides: loadOverrides({ file: overrides, text: textOf(overrides) }) };
  const loaded = loadRules(files, { sha256: digest });
  const state_bytes_max = Math.max(Math.floor(STATE_BYTES_MAX / partitions), PARTITION_STATE_BYTES_MIN);
  const options = { sha256: digest, pipelines: mapped.pipelines, state_bytes_max, ...DETECTION_TIMES, ...changes };
  const compileThem = (set: RuleSet): Compiled => compile(set, options);
  const isOfRules = ({ place }: DetectionError): boolean => place.file !== overrides;
  const { compiled, left_out, errors } =
    skip_refused === true ? withoutRefused(loaded, compileThem, isOfRules) : asTheyAre(loaded, compileThem(loaded));
  const replay_span_us = replaySpan_us(compiled.correlations);
  return { ...compiled, files, left_out, errors: [...mapped.errors, ...errors], replay_span_us };
}

const asTheyAre = (loaded: LoadedRules, compiled: Compiled): Understood => ({
  compiled,
  left_out: [],
  errors: [...loaded.errors, ...compiled.errors],
});
