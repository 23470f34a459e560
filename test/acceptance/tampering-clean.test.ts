/** Stores that nobody tampered with, on the real engine. packages/evidence does the same for 1,000 in memory. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { remove, temporaryFolder } from './cli.ts';
import { fsckHere, type Sent, sealedDirectory, type Wave } from './tampering-deployment.ts';

const STORES = 20;

const sent: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ tenant: fc.constantFrom('acme', 'globex', 'initech'), events: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ garbage: fc.string({ maxLength: 20 }) }) },
  { weight: 1, arbitrary: fc.constant({ again: 0 }) },
);
const waves: fc.Arbitrary<readonly Wave[]> = fc.array(fc.array(sent, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 });
/** The first record is one that can be sent again. */
const claims = fc
  .array(waves, { minLength: 1, maxLength: 2 })
  .map(([first, ...rest]) => [[[{ tenant: 'acme', events: 1 }], ...(first ?? [])], ...rest]);

describe('fsck of random stores', () => {
  const folder = temporaryFolder('tampering-clean');
  afterAll(() => remove(folder));

  it(`finds nothing in ${STORES} of them`, async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(claims, async (all) => {
        const report = await fsckHere(await sealedDirectory(join(folder, `store-${n++}`), all));
        expect(report).toMatchObject({ ok: true, findings: [], findings_dropped: 0 });
        expect(report.rounds).toBeGreaterThan(0);
      }),
      { numRuns: STORES },
    );
  }, 600_000);
});
