import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENVELOPE, FLATTENED, MASKED_NAMES } from '../src/cloudtrail/attributes.ts';
import { ACTOR_ID_PATHS, IDENTITY_RULES } from '../src/cloudtrail/identity.ts';
import { DENIED_CODES, ERROR_CODES, WATCH_ACTIONS } from '../src/cloudtrail/outcome.ts';
import { ARN_TYPES, RESOURCE_PARAMETERS } from '../src/cloudtrail/resources.ts';

const text = readFileSync(new URL('../../../docs/importing-cloudtrail.md', import.meta.url), 'utf8');

/** Rows of the table whose header begins so, as cells without backquotes. */
function table(header: string): readonly (readonly string[])[] {
  const lines = text.split('\n');
  const rows: string[][] = [];
  for (let at = lines.findIndex((line) => line.startsWith(header)) + 2; lines[at]?.startsWith('|') === true; at++) {
    rows.push(
      (lines[at] as string)
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  }
  return rows;
}

/** The names in backquotes on the lines behind a line that ends so, up to an empty line. */
function list(after: string): readonly string[] {
  const from = text.indexOf(`${after}\n`);
  expect(from, `the document has no "${after}"`).toBeGreaterThan(-1);
  const block = text.slice(from + after.length + 1).split(/\n(?:\n|-)/)[0] ?? '';
  return [...block.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

describe('docs/importing-cloudtrail.md', () => {
  it('shows the identity types', () => {
    const rows = table('| `userIdentity.type`').map(([type, actor, issuer]) => [type, actor, issuer === '–' ? null : issuer]);
    expect(rows).toEqual(IDENTITY_RULES.map((rule) => [rule.type, rule.actor_type, rule.issuer]));
    expect(text).toContain(`\`actor_id\` is the first of ${ACTOR_ID_PATHS.map((path) => `\`${path}\``).join(', ')} in`);
  });

  it('shows the request parameters that name resources', () => {
    expect(table('| service |')).toEqual(RESOURCE_PARAMETERS.map((rule) => [rule.service, rule.parameter, rule.calls, rule.type]));
    expect(table('| in the ARN |')).toEqual([...ARN_TYPES]);
  });

  it('lists codes, actions and attributes', () => {
    expect(list('Denied:')).toEqual(DENIED_CODES);
    expect(list('Error:')).toEqual(ERROR_CODES);
    expect(list('Watched:')).toEqual(WATCH_ACTIONS);
    expect(list('under their own names:')).toEqual(ENVELOPE);
    expect(list('fromPort`):')).toEqual(FLATTENED);
    expect(list('whatever stands under:')).toEqual(MASKED_NAMES);
  });
});
