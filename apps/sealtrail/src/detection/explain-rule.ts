import type { RuleHead } from '@sealtrail/detection';
import type { LoadedDetection } from '@sealtrail/detector';

export interface ExplainedRule {
  readonly lines: readonly string[];
  readonly rule: Readonly<Record<string, unknown>>;
}

const SUGGESTED_MAX = 3;

/** Names of rules that hold the wanted one, or are held by it, without regard to case, spaces and hyphens. */
export function namesLike({ matcher, correlations }: LoadedDetection, wanted: string): readonly string[] {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]+/g, '');
  const sought = plain(wanted);
  const heads = [...matcher.rules, ...correlations.linked.map(({ rule }) => rule.head)];
  const names = heads.flatMap(({ name, title }) => [[name ?? title, name ?? '', title] as const]);
  const fits = (text: string): boolean => text !== '' && (plain(text).includes(sought) || sought.includes(plain(text)));
  const found = names.filter(([, name, title]) => sought !== '' && (fits(name) || fits(title))).map(([shown]) => shown);
  return [...new Set(found)].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).slice(0, SUGGESTED_MAX);
}

/** What one rule looks for, by its id, name or title; null when there is none. */
export function explainRule({ matcher, correlations, files }: LoadedDetection, wanted: string): ExplainedRule | null {
  const named = (head: RuleHead): boolean => [head.id, head.name, head.title].includes(wanted);
  const correlation = correlations.linked.find(({ rule }) => named(rule.head));
  const head = correlation?.rule.head ?? matcher.rules.find(named);
  if (head === undefined) return null;
  const source = sourceOf(files.find(({ file }) => file === head.place.file)?.text ?? '', head.place.line);
  const alone = correlation === undefined && correlations.silent_rules.has(head.id);
  const facts: Record<string, unknown> = {
    id: head.id,
    name: head.name,
    title: head.title,
    level: head.level,
    description: head.description?.trim() ?? null,
    tags: head.tags,
    false_positives: head.false_positives,
    file: head.place.file,
    line: head.place.line,
    alerts_by_itself: !alone,
  };
  const lines = [
    `${head.title} (${head.level})`,
    `  ${head.id}${head.name === null ? '' : `, ${head.name}`}, ${head.place.file}:${head.place.line}`,
    '',
    ...(head.description ?? 'No description.')
      .trim()
      .split('\n')
      .map((line) => `  ${line.trim()}`),
    '',
  ];
  if (correlation !== undefined) {
    const { rule, members } = correlation;
    facts['correlation'] = { type: rule.type, group_by: rule.group_by, timespan_s: rule.timespan_us / 1_000_000, rules: rule.rules };
    lines.push(`  It is a correlation (${rule.type}) of ${members.length} rules within ${durationText(rule.timespan_us)}:`);
    for (const name of rule.rules) lines.push(`    ${name}`);
    lines.push(`  counted ${rule.group_by.length === 0 ? 'for each tenant' : `for each tenant and ${rule.group_by.join(', ')}`}.`, '');
  } else {
    const logsource = matcher.logsourceOf(head);
    facts['logsource'] = logsource;
    const parts = Object.entries(logsource ?? {}).flatMap(([name, value]) => (value === null ? [] : [`${name} ${String(value)}`]));
    lines.push(`  It is asked of events of ${parts.join(', ') || 'any log source'}.`);
    if (alone) lines.push('  It raises no alert by itself: a correlation counts it.');
    lines.push('');
  }
  if (head.false_positives.length > 0) lines.push('  False alarms come from:', ...head.false_positives.map((one) => `    ${one}`), '');
  if (head.tags.length > 0) lines.push(`  Tags: ${head.tags.join(', ')}`, '');
  lines.push(...source.map((line) => `    ${line}`));
  return { lines, rule: { ...facts, source: source.join('\n') } };
}

/** The part of the document that decides: from `logsource`, `detection` or `correlation` to the next top-level word. */
function sourceOf(text: string, from: number): readonly string[] {
  const lines = text.split('\n').slice(from - 1);
  const end = lines.findIndex((line, i) => i > 0 && line.startsWith('---'));
  const document = end < 0 ? lines : lines.slice(0, end);
  const kept: string[] = [];
  let keeping = false;
  for (const line of document) {
    if (/^\S/.test(line)) keeping = /^(detection|correlation):/.test(line);
    if (keeping) kept.push(line);
  }
  return kept;
}

function durationText(time_us: number): string {
  const seconds = time_us / 1_000_000;
  for (const [unit, size] of [
    ['days', 86_400],
    ['hours', 3_600],
    ['minutes', 60],
  ] as const) {
    if (seconds % size === 0 && seconds >= size) return `${seconds / size} ${seconds === size ? unit.slice(0, -1) : unit}`;
  }
  return `${seconds} seconds`;
}
