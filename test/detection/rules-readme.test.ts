import { readFileSync } from 'node:fs';
import { compile, DERIVED_FIELDS, loadOverrides, loadRules, parseRuleTests, runRuleTests } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped, ruleFiles, sha256Of } from './shipped-rules.ts';

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const readme = textOf('rules/README.md');
const blocksOf = (text: string): readonly string[] =>
  Array.from(text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm), ([, code]) => code as string);
const shipped = compileShipped();

/** Names in backticks, as the tables have them. */
const named = new Set([...readme.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name));

describe('rules/README.md', () => {
  it('lists each file with the rules that alert, and no other', () => {
    const byFile = new Map<string, string[]>();
    for (const { name, level, place } of alertingHeads(shipped))
      byFile.set(place.file, [...(byFile.get(place.file) ?? []), `\`${name}\` (${level})`]);
    const rows = [...readme.matchAll(/^\| \[\w+\]\((\w+\.yml)\) \| (.*) \|$/gm)].map(([, file = '', rules = '']) => [
      file,
      rules.split(', ').sort(),
    ]);
    expect(rows).toEqual([...byFile].sort().map(([file, rules]) => [file, rules.sort()]));
  });

  it('names every field that a shipped rule asks for', () => {
    const asked = new Set(
      ruleFiles().flatMap(({ text }) =>
        [...text.matchAll(/^ {4}(?:- )?([a-z_]+(?:\.[a-z_]+)?)(?:\|[a-z|]+)?:/gm)].map(([, name]) => name as string),
      ),
    );
    for (const key of ['type', 'rules', 'timespan', 'condition', 'field', 'account', 'gte', 'product', 'category']) asked.delete(key);
    const known = (name: string): boolean =>
      named.has(name) || (name.startsWith('attributes.') && named.has(name.slice('attributes.'.length)));
    expect([...asked].filter((name) => !known(name))).toEqual([]);
    expect(asked.size).toBeGreaterThan(25);
  });

  it('names every column of an event, and what is derived from them', () => {
    const schema = JSON.parse(textOf('schemas/audit-event.avsc')) as { readonly fields: readonly { readonly name: string }[] };
    // Lists of records, and what means nothing to a rule.
    const unseen = ['actor_salt', 'object_salt', 'actor_chain', 'related', 'personal', 'attributes'];
    expect(schema.fields.map(({ name }) => name).filter((name) => !named.has(name) && !unseen.includes(name))).toEqual([]);
    for (const name of DERIVED_FIELDS) expect(named).toContain(name);
  });

  it("names the ledger's reasons and the verifier's", () => {
    const reasons = (path: string, type: string): readonly string[] => {
      const source = textOf(path);
      const from = source.indexOf(`type ${type} =`);
      return [...source.slice(from, source.indexOf(';', from)).matchAll(/\| '(\w+)'/g)].map(([, reason]) => reason as string);
    };
    const all = [...reasons('packages/wire/src/values.ts', 'RejectReason'), ...reasons('packages/identity/src/identity.ts', 'TokenReason')];
    expect(all.length).toBeGreaterThan(25);
    expect(all.filter((reason) => !named.has(reason))).toEqual([]);
  });

  it('has overrides that can be read, and so has the example', () => {
    const loaded = loadRules(ruleFiles(), { sha256: sha256Of });
    for (const text of [...blocksOf(readme), textOf('rules/overrides.example.yml')]) {
      const overrides = loadOverrides({ file: 'overrides.yml', text });
      expect(overrides.tenants.size).toBeGreaterThan(0);
      expect(compile(loaded, { sha256: sha256Of, overrides }).errors.map(({ message }) => message)).toEqual([]);
    }
  });
});

describe('rules/tests/README.md', () => {
  it('has an example that holds', () => {
    const { tests, errors } = parseRuleTests('example.yml', blocksOf(textOf('rules/tests/README.md'))[0] ?? '');
    expect(errors).toEqual([]);
    if (tests === null) throw new Error('no tests');
    expect(runRuleTests(tests, () => shipped.compiled.engine.fresh()).flatMap(({ failures }) => failures)).toEqual([]);
  });
});
