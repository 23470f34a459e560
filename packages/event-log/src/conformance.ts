/** What every event log does, as a vitest suite that each adapter runs. */
import { describe } from 'vitest';
import { appendConformance } from './conformance/append.ts';
import { groupConformance } from './conformance/groups.ts';
import type { ConformanceHarness } from './conformance/harness.ts';
import { readConformance } from './conformance/reads.ts';
import { topicConformance } from './conformance/topics.ts';

export type { ConformanceHarness, LogCapability, LogUnderTest } from './conformance/harness.ts';

/** Declares the suite. Call it at the top of a test file, once an adapter. */
export function eventLogConformance(name: string, harness: ConformanceHarness): void {
  describe(`${name} as an event log`, () => {
    topicConformance(harness);
    appendConformance(harness);
    readConformance(harness);
    groupConformance(harness);
  });
}
