/** What every ledger store must pass. Runs under vitest: `ledgerStoreConformance(name, harness)` in a test file. */
import { describe } from 'vitest';
import { contentSuite } from './conformance-content.ts';
import type { StoreHarness } from './conformance-harness.ts';
import { lifecycleSuite } from './conformance-lifecycle.ts';
import { rowsSuite } from './conformance-rows.ts';
import { valuesSuite } from './conformance-values.ts';
import { visibilitySuite } from './conformance-visibility.ts';

export { type AlertStoreHarness, alertStoreConformance } from './alerts/conformance.ts';
export { arbitraryEvent } from './arbitrary-event.ts';
export type { EntryName, StoreHarness, StoreSettings } from './conformance-harness.ts';
export * from './samples.ts';

export function ledgerStoreConformance(name: string, harness: StoreHarness): void {
  describe(`${name} as a ledger store`, () => {
    rowsSuite(harness);
    visibilitySuite(harness);
    contentSuite(harness);
    valuesSuite(harness);
    lifecycleSuite(harness);
  });
}
