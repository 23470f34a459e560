import { readdirSync, readFileSync } from 'node:fs';
import { RULES_VERSION } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../docs/spec/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const DOCUMENTS = ['alert', 'canonical-avro', 'event', 'batch', 'registry', 'manifest', 'round'];
/** Shortest run of hexadecimal digits that must come from an example file. */
const DIGITS_MIN = 4;

describe.each(DOCUMENTS)('%s.md', (name) => {
  it('shows bytes that its example file has', () => {
    const blocks = read(`${name}.md`).match(/(?:^ {4}.*\n)+/gm) ?? [];
    const vectors = read(`vectors/${name}.json`);
    const runs = blocks.flatMap((block) => block.match(/\b(?:[0-9a-f]{2})+\b/g) ?? []).filter((run) => run.length >= DIGITS_MIN);
    expect(runs.length).toBeGreaterThan(3);
    for (const run of runs) expect(vectors.includes(run), run).toBe(true);
  });
  it('is in the index', () => expect(read('README.md')).toContain(`(${name}.md)`));
});

describe('the reasons', () => {
  /** The compiler keeps this list whole in packages/seal/test/examine.test.ts; the documents are held to the source. */
  const source = readFileSync(new URL('../../packages/wire/src/values.ts', import.meta.url), 'utf8');
  const reasons = [...(/export type RejectReason =([^;]*);/.exec(source)?.[1] ?? '').matchAll(/'([a-z_]+)'/g)].map(
    ([, reason]) => reason as string,
  );
  it('are those of round.md, and batch.md says where each is given', () => {
    expect(reasons.length).toBe(14);
    const listed = /Reasons are a closed set: ([^.]*)\./.exec(read('round.md'))?.[1]?.split(/,\s+/) ?? [];
    expect(listed.toSorted()).toEqual(reasons.toSorted());
    for (const reason of reasons) expect(read('batch.md')).toContain(`\`${reason}\``);
  });
  it('belong to the rules version that the documents name', () => expect(read('README.md')).toContain(`*rules version* ${RULES_VERSION}`));
});

it('the index lists every document', () => {
  for (const file of readdirSync(folder))
    if (file.endsWith('.md') && file !== 'README.md') expect(read('README.md')).toContain(`(${file})`);
});
