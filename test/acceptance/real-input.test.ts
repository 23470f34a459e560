import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as jq from 'jq-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOUDTRAIL, type Ended, hasSharedData, remove, sealtrail, temporaryFolder } from './cli.ts';

/** The same question to the stored events in SQL, and to the file in jq. Both give [value, count] pairs. */
const PAIRS: readonly { readonly what: string; readonly sql: string; readonly jq: string }[] = [
  {
    what: 'events by actor',
    sql: 'SELECT actor_id AS value, count() AS n FROM audit_events GROUP BY value',
    jq: `.userIdentity.arn // .userIdentity.invokedBy // .userIdentity.userName // .userIdentity.accountId // ""`,
  },
  {
    what: 'events by address',
    sql: "SELECT ifNull(replaceOne(toString(source_ip), '::ffff:', ''), attributes['source_service']) AS value, count() AS n FROM audit_events GROUP BY value",
    jq: '.sourceIPAddress',
  },
  {
    what: 'events by action',
    sql: 'SELECT action AS value, count() AS n FROM audit_events GROUP BY value',
    jq: '(.eventSource | sub("\\\\.amazonaws\\\\.com$"; "")) + ":" + .eventName',
  },
  {
    what: 'events by error code',
    sql: "SELECT ifNull(reason, '') AS value, count() AS n FROM audit_events GROUP BY value",
    jq: '.errorCode // ""',
  },
];

const COUNTED = (value: string): string => `[.[] | ${value}] | group_by(.) | map([.[0], length])`;

interface Rows {
  readonly rows: readonly { readonly value: string; readonly n: number }[];
}

describe.runIf(hasSharedData)('2,900 real CloudTrail events', () => {
  const folder = temporaryFolder('real-input');
  const data = join(folder, 'data');
  const imports = ['import', '--format', 'cloudtrail', CLOUDTRAIL, '--tenant', 'acme', '--data', data, '--json'];
  const records = hasSharedData
    ? gunzipSync(readFileSync(CLOUDTRAIL))
        .toString('utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  let first: Ended;
  let second: Ended;

  beforeAll(async () => {
    first = await sealtrail(...imports);
    second = await sealtrail(...imports);
  });
  afterAll(() => remove(folder));

  it('are imported once, whatever is run twice', () => {
    expect(first.json(), first.stderr).toMatchObject({ read: 2_900, accepted: 2_900, skipped: 0, rejected: 0, entries: 2_900 });
    expect(first.code).toBe(0);
    expect(second.json(), second.stderr).toMatchObject({ read: 2_900, accepted: 0, skipped: 2_900, rejected: 0, entries: 2_900 });
    expect(second.json()['batches']).toBe(first.json()['batches']);
  });

  it.each(PAIRS)('give the same $what in SQL as in jq', async ({ sql, jq: filter }) => {
    const stored = await sealtrail('sql', sql, '--data', data, '--json');
    expect(stored.code, stored.stderr).toBe(0);
    const fromStore = stored.json<Rows>().rows.map(({ value, n }) => [value, Number(n)] as const);
    const fromFile = (await jq.json(records as never, COUNTED(filter))) as unknown as readonly (readonly [string, number])[];
    const sorted = (pairs: readonly (readonly [string, number])[]): readonly string[] => pairs.map(([value, n]) => `${n} ${value}`).sort();
    expect(sorted(fromStore)).toEqual(sorted(fromFile));
    expect(fromFile.reduce((sum, [, n]) => sum + n, 0)).toBe(2_900);
  });

  it('recompute: fsck has no finding', async () => {
    const fsck = await sealtrail('fsck', '--data', data, '--json');
    expect(fsck.json(), fsck.stderr).toMatchObject({ ok: true, entries: 2_900, batches: first.json()['batches'], findings: [] });
    expect(fsck.code).toBe(0);
  });

  it('leave none of the file’s session tokens under the data directory', () => {
    const tokens = new Set<string>();
    const collect = (value: unknown, name: string): void => {
      if (typeof value === 'string' && /^sessionToken$/i.test(name)) tokens.add(value);
      else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) collect(inner, key);
    };
    records.forEach((record) => collect(record, ''));
    expect(tokens.size).toBe(36);
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name));
      for (const token of tokens) expect(bytes.includes(token), file.name).toBe(false);
    }
  });
});
