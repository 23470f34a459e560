import { readFileSync } from 'node:fs';
import type { BacktestResult } from '@sealtrail/detector';
import { UsageError } from '../cli/exit.ts';

/** `event id`, tab, `rule id`. */
export type Labels = ReadonlySet<string>;

/** Reads labels; a first line without a UUID for a rule is a heading. Throws UsageError. */
export function readLabels(path: string): Labels {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
  const labels = new Set<string>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [event = '', rule = ''] = line.split('\t');
    const isRule = /^[0-9a-f-]{36}$/.test(rule.trim());
    if (!isRule && i === 0) continue;
    if (!isRule || event === '') throw new UsageError(`${path}: line ${i + 1} is not an event id, a tab and a rule id`);
    labels.add(`${event}\t${rule.trim()}`);
  }
  return labels;
}

export interface Score {
  /** null where nothing matched. */
  readonly precision: number | null;
  /** null where nothing is labelled. */
  readonly recall: number | null;
  readonly missed: number;
  readonly unexpected: number;
}

/** How matches compare with labels. */
export function scored({ matches }: Pick<BacktestResult, 'matches'>, labels: Labels): Score {
  const found = new Set(matches.map(({ source_id, rule_id }) => `${source_id}\t${rule_id}`));
  const right = [...found].filter((pair) => labels.has(pair)).length;
  return {
    precision: found.size === 0 ? null : right / found.size,
    recall: labels.size === 0 ? null : right / labels.size,
    missed: labels.size - right,
    unexpected: found.size - right,
  };
}
