import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped } from '../detection/shipped-rules.ts';
import { end, remove, sealtrail, start, temporaryFolder } from './cli.ts';
import { anchors, STORED_EVENTS } from './rule-sql.ts';
import { STATEMENTS } from './rule-statements.ts';

interface Demo {
  readonly emitted: number;
  readonly entries: number;
  readonly batches: number;
  readonly rejected: number;
  readonly alerts: readonly {
    readonly rule_id: string;
    readonly title: string;
    readonly level: string;
    readonly tenant: string;
    readonly group: Readonly<Record<string, string>>;
    readonly actor: string;
    readonly count: number;
    readonly entry: number;
  }[];
  readonly alert_proof: { readonly alert: string; readonly entries: readonly number[]; readonly ok: boolean };
  readonly tamper: {
    readonly altered: { readonly tenant: string; readonly entry: number };
    readonly found: readonly { readonly code: string; readonly tenant: string; readonly entry: number }[];
  };
  readonly ok: boolean;
}

/** What each attack must raise: rule, level, tenant, whom it is about, and how many events it rests on. */
const RAISED = [
  'Forged tokens from one address|HIGH|platform|203.0.113.9|3',
  'Many expired tokens of one actor|MEDIUM|platform|admin-3@globex|6',
  'Many exports within minutes|HIGH|globex|trent@globex|40',
  'Many failed sign-ins to one account from one address|MEDIUM|acme|203.0.113.66 clerk-9@acme|10',
  'Object ids tried one after the other|HIGH|acme|mallory@acme|60',
  'One token from two networks and two devices|HIGH|globex|dana@globex|4',
  'Sign-in succeeded after many failures|HIGH|acme|203.0.113.66 clerk-9@acme|12',
];

// That a fresh clone gets here by itself is a step of `.ci/run`.
describe('npm run demo', () => {
  const folder = temporaryFolder('demo');
  const data = join(folder, 'data');
  afterAll(() => remove(folder));

  it('emits, seals, detects each attack, queries, verifies, alters one row and names it', async () => {
    const ended = await end(start('npm', ['run', '--silent', 'demo', '--', '--data', data, '--json']));
    expect(ended.code, ended.stderr).toBe(0);
    const demo = ended.json<Demo & Record<string, unknown>>();
    expect(demo).toMatchObject({ rejected: 0, ok: true, tamper: { found: [{ ...demo.tamper.altered, code: 'entry_altered' }] } });
    expect(demo.emitted).toBeGreaterThan(1_900);
    expect(demo.entries).toBe(demo.emitted);
    expect(demo.batches).toBeGreaterThan(3);
    // A group that is a hash says nothing to people: who acted does.
    const whom = ({ group, actor }: Demo['alerts'][number]): string =>
      Object.values(group)
        .map((value) => (/^[0-9a-f]{64}$/.test(value) ? actor : value))
        .sort()
        .join(' ');
    expect(demo.alerts.map((alert) => [alert.title, alert.level, alert.tenant, whom(alert), alert.count].join('|')).sort()).toEqual(RAISED);
    expect(
      demo.alerts.every(({ entry }) => Number.isSafeInteger(entry)),
      'each rests on an entry',
    ).toBe(true);
    expect(demo.alert_proof.ok).toBe(true);
    expect(demo.alert_proof.entries.length).toBeGreaterThan(1);
  });

  it('raises what SQL finds in its traffic for each shipped rule, and nothing else', async () => {
    const names = Object.entries(STATEMENTS);
    const found: string[] = [];
    // All of them are more than one argument of a program may hold.
    for (const half of [names.slice(0, names.length / 2), names.slice(names.length / 2)]) {
      const asked = half.map(([name, hits]) => `SELECT '${name}' AS rule, tenant FROM (${anchors(hits)})`);
      const sql = `WITH events AS (${STORED_EVENTS}) ${asked.join(' UNION ALL ')}`;
      const answer = await sealtrail('sql', sql, '--rows-max', '1000', '--data', data, '--json');
      expect(answer.code, answer.stderr).toBe(0);
      found.push(
        ...answer.json<{ rows: readonly { rule: string; tenant: string }[] }>().rows.map(({ rule, tenant }) => `${rule} ${tenant}`),
      );
    }
    const heads = alertingHeads(compileShipped());
    const wanted = RAISED.map((line) => {
      const [title, , tenant] = line.split('|');
      return `${heads.find((head) => head.title === title)?.name} ${tenant}`;
    });
    expect(found.sort()).toEqual(wanted.sort());
  });

  it('prints a summary for people', async () => {
    const ended = await end(start('npm', ['run', '--silent', 'demo', '--', '--requests', '400']));
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/Everything held/);
    expect(ended.stdout).toMatch(/found +entry_altered/);
    expect(ended.stdout).toMatch(/HIGH +Sign-in succeeded after many failures +acme +clerk-9@acme, 203\.0\.113\.66 +12 +\d+\n/);
    expect(ended.stdout).toMatch(/alert proven +“.*all \d+ events/);
    const width = Math.max(...ended.stdout.split('\n').map((line) => line.length));
    expect(width, 'a line is wider than a log’s').toBeLessThanOrEqual(100);
    expect(ended.stdout, 'a log has no colours').not.toContain('\u001b');
  });
});
