import type { DetectionError } from '@sealtrail/detection';
import type { LoadedDetection } from '@sealtrail/detector';
import { count, counted } from '../cli/console.ts';
import { UsageError } from '../cli/exit.ts';

/** For the option of each command that runs rules. */
export const SKIP_REFUSED = '--skip-refused';
export const SKIP_REFUSED_MEANING = 'leave out rules that are refused, each with a line that says why; without it none runs then';

/** Why a document was refused, as JSON. */
export interface PlainRefusal {
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly rule: string | null;
  readonly reason: string;
}
export const plainErrors = (errors: readonly DetectionError[]): readonly PlainRefusal[] =>
  errors.map(({ code, place, rule, reason }) => ({ code, file: place.file, line: place.line, rule, reason }));

/** Rules that are left out unasked would be missed silently: nothing runs then. Throws UsageError. */
export function assertUnderstood({ errors, left_out, matcher, correlations }: LoadedDetection, skips: boolean): void {
  const [first] = errors;
  if (first !== undefined) {
    const more = errors.length === 1 ? '' : `, and ${count(errors.length - 1)} more`;
    const otherwise = skips ? 'it is not a rule by itself, so nothing runs' : `or give ${SKIP_REFUSED} to run the others`;
    throw new UsageError(`${first.message} (see \`sealtrail rules check\`${more}; ${otherwise})`);
  }
  const [reason] = left_out;
  if (reason !== undefined && matcher.rules.length + correlations.linked.length === 0)
    throw new UsageError(`no rule is left that could run, ${counted(left_out.length, 'document')} refused: ${reason.message}`);
}

/** One line a rule that is left out, and how many are; none where none is. */
export function leftOutLines({
  left_out,
  matcher,
  correlations,
}: Pick<LoadedDetection, 'left_out' | 'matcher' | 'correlations'>): readonly string[] {
  if (left_out.length === 0) return [];
  const runs = matcher.rules.length + correlations.linked.length;
  const gone = new Set(left_out.map(({ rule, message }) => rule ?? message)).size;
  return [...left_out.map(({ message }) => `left out: ${message}`), `sealtrail: ${counted(runs, 'rule')} run, ${count(gone)} left out`];
}
