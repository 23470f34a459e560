import { z } from 'zod';

const OWN_PREFIX = 'SEALTRAIL_';

/** One variable that is wrong, and why. Never its value, which may be a secret. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

export class ConfigError extends Error {
  readonly code = 'config_invalid';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(`configuration: ${problems.map(({ variable, problem }) => `${variable} ${problem}`).join('; ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }

  /** One line a variable, for the terminal. */
  lines(): readonly string[] {
    return this.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
  }
}

/**
 * Reads a service's configuration from its environment. The schema's keys are the variables' names; an empty variable
 * counts as unset, as compose files write it. A SEALTRAIL_ variable that the schema does not name is a mistake (a
 * misspelt limit would silently keep its default), and so is refused.
 * Throws ConfigError `config_invalid`, which names every wrong variable at once.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Readonly<Record<string, string | undefined>>,
): z.output<z.ZodObject<Shape>> {
  const known = Object.keys(schema.shape);
  const given: Record<string, string> = {};
  for (const name of known) {
    const value = env[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  const problems: ConfigProblem[] = Object.keys(env)
    .filter((name) => name.startsWith(OWN_PREFIX) && !known.includes(name))
    .sort()
    .map((variable) => ({ variable, problem: `is not known; known: ${known.join(' ')}` }));
  const parsed = schema.safeParse(given);
  if (parsed.success && problems.length === 0) return parsed.data;
  for (const issue of parsed.error?.issues ?? []) {
    const variable = String(issue.path[0] ?? 'configuration');
    problems.push({ variable, problem: variable in given || issue.path.length === 0 ? oneLine(issue.message) : 'is missing' });
  }
  throw new ConfigError(problems);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
