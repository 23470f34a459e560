/** Exit codes: 0 fine, 1 evidence does not hold, 2 bad usage or input, 3 environment. */
export const EXIT_FINE: number = 0;
export const EXIT_EVIDENCE: number = 1;
export const EXIT_USAGE: number = 2;
export const EXIT_ENVIRONMENT: number = 3;

/** A command's own refusal: one line that says what, where and what to do. */
export class UsageError extends Error {
  readonly code = 'usage';
}

/** Codes of errors that the caller can mend by giving something else; every other code is the environment's. */
const CALLERS_CODES: ReadonlySet<string> = new Set([
  'usage',
  'config_invalid',
  'settings_invalid',
  'directory_missing',
  'directory_foreign',
  'directory_version',
  'key_missing',
  'key_exists',
  'key_malformed',
  'name_invalid',
  'query_refused',
  'query_failed',
  'entry_not_found',
  'log_not_found',
  'tenant_not_found',
  'partition_not_found',
  'several_logs',
  'checkpoint_behind',
  'several_partitions',
  'input_missing',
  'input_malformed',
  'input_changed',
]);

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exit_code: number;
}

/** What a thrown value means to the caller. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const line = message.split('\n')[0] ?? '';
  if (code === null)
    return {
      code: 'internal',
      message: `unexpected: ${line}; please report it with the command that you ran`,
      exit_code: EXIT_ENVIRONMENT,
    };
  const exit_code = code === 'not_provable' ? EXIT_EVIDENCE : CALLERS_CODES.has(code) ? EXIT_USAGE : EXIT_ENVIRONMENT;
  return { code, message: line, exit_code };
}

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}
