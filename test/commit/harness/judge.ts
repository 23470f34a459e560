/** What becomes of each record of a topic, by the plainest reading of docs/spec/batch.md: from what its maker knows of it. */
import type { SampleRecord } from './library.ts';

export type Verdict =
  | { readonly kind: 'accepted'; readonly events: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'rejected'; readonly reason: string };

/** Verdicts of one partition's records, in order; `registryAt` is how many keys were known when a record was judged. */
export function judge(records: readonly SampleRecord[], registryAt: (offset: number) => number): readonly Verdict[] {
  const sealed = new Map<string, string>();
  return records.map(({ intent }, offset): Verdict => {
    if (intent.kind === 'bad') return { kind: 'rejected', reason: intent.reason };
    if (registryAt(offset) <= intent.key_record) return { kind: 'rejected', reason: 'unknown_key' };
    if (intent.spoilt !== null) return { kind: 'rejected', reason: intent.spoilt };
    const before = sealed.get(intent.number);
    if (before === intent.header) return { kind: 'duplicate' };
    if (before !== undefined) return { kind: 'rejected', reason: 'sequence_conflict' };
    sealed.set(intent.number, intent.header);
    return { kind: 'accepted', events: intent.events };
  });
}
