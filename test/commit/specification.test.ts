/** The examples of docs/spec/commit.md, against the code and the text. */
import { readFileSync } from 'node:fs';
import { formatCommitMetadata, parseCommitMetadata } from '@sealtrail/ledger';
import { type CommitRow, visibleIntervals } from '@sealtrail/ledger-store';
import { describe, expect, test } from 'vitest';

interface Interval {
  readonly claim: string;
  readonly from: number;
  readonly to: number;
}
interface Vectors {
  readonly metadata: readonly (Interval & { readonly text: string; readonly ordinal: number; readonly round_hash: string })[];
  readonly metadata_refused: readonly string[];
  readonly intervals: readonly {
    readonly what: string;
    readonly commits: readonly (Interval & { readonly ordinal: number })[];
    readonly visible: readonly Interval[];
  }[];
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const vectors = JSON.parse(read('docs/spec/vectors/commit.json')) as Vectors;
const text = read('docs/spec/commit.md');

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const claimOf = (letter: string): Uint8Array => new Uint8Array(16).fill(letter.charCodeAt(0));
const letterOf = (claim: Uint8Array): string => String.fromCharCode(claim[0] as number);
const partition = { topic: 'audit.events', incarnation: 1, partition: 0 };

function intervalsOf(commits: Vectors['intervals'][number]['commits']): readonly Interval[] {
  const rows = commits.map(
    ({ claim, ...row }): CommitRow => ({ ...partition, ...row, claim: claimOf(claim), round_hash: new Uint8Array(32) }),
  );
  const shown = visibleIntervals(rows).filter(({ from, to }) => from < to);
  return shown.map(({ claim, from, to }) => ({ claim: letterOf(claim), from, to }));
}

/** The definition, word for word. */
function visibleByDefinition(commits: Vectors['intervals'][number]['commits'], claim: string, offset: number): boolean {
  const own = commits.filter((row) => row.claim === claim);
  if (own.length === 0) return false;
  const { ordinal, from } = own[0] as (typeof own)[number];
  const cuts = commits.filter((row) => row.ordinal > ordinal).map((row) => row.from);
  return from <= offset && offset < Math.min(Math.max(...own.map((row) => row.to)), ...cuts);
}

describe('commit metadata', () => {
  test.each(vectors.metadata)('$text', ({ text: metadata, ...fields }) => {
    const parsed = { ...fields, claim: bytesOf(fields.claim), round_hash: bytesOf(fields.round_hash) };
    expect(parseCommitMetadata(metadata)).toEqual(parsed);
    expect(formatCommitMetadata(parsed)).toBe(metadata);
  });

  test.each(vectors.metadata_refused)('refused: %j', (metadata) => {
    expect(parseCommitMetadata(metadata)).toBeNull();
  });

  test('the text shows the first example', () => {
    expect(text).toContain(`    ${vectors.metadata[0]?.text}\n`);
  });
});

describe('visible', () => {
  test.each(vectors.intervals)('$what', ({ commits, visible }) => {
    expect(intervalsOf(commits)).toEqual(visible);
    for (const claim of new Set(commits.map((row) => row.claim))) {
      for (let offset = 0; offset < 12; offset++) {
        const shown = visible.some((interval) => interval.claim === claim && interval.from <= offset && offset < interval.to);
        expect(visibleByDefinition(commits, claim, offset), `${claim} at ${offset}`).toBe(shown);
      }
    }
  });

  test('the table of the text has the examples', () => {
    const rows = [...text.matchAll(/^\| (`[a-z] \d.*`) \| (.*) \|$/gm)];
    expect(rows.length).toBeGreaterThan(3);
    for (const [, left, right] of rows) {
      const commits = [...(left as string).matchAll(/`([a-z]) (\d+) \[(\d+), (\d+)\)`/g)].map(([, claim, ordinal, from, to]) => ({
        claim: claim as string,
        ordinal: Number(ordinal),
        from: Number(from),
        to: Number(to),
      }));
      expect(
        intervalsOf(commits)
          .map(({ claim, from, to }) => `${claim} [${from}, ${to})`)
          .join(', '),
      ).toBe(right);
    }
  });
});

test('the text lists every code that a partition halts with', () => {
  const source = read('services/ledger/src/ports.ts');
  const union = /export type HaltCode =([^;]*);/.exec(source)?.[1] ?? '';
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(0);
  const listed = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code).filter((code) => code !== undefined);
  expect([...listed].sort()).toEqual([...codes].sort());
});
