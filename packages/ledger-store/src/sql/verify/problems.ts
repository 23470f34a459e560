/** What the views can say of a row. A closed set: docs/analysts.md has each, and the tests each with an alteration. */
export type VerifyView = 'verify_entries' | 'verify_batches' | 'verify_chain';

export interface VerifyProblem {
  readonly view: VerifyView;
  readonly problem: string;
  readonly doc: string;
}

const of = (view: VerifyView, problems: Readonly<Record<string, string>>): readonly VerifyProblem[] =>
  Object.entries(problems).map(([problem, doc]) => ({ view, problem, doc }));

/** Columns of entries that repeat what the batch's manifest says: the column, and the manifest's own words for it. */
export const BATCH_COLUMNS: readonly (readonly [column: string, manifest: string])[] = [
  ['producer', 'producer'],
  ['delivery', 'delivery'],
  ['event_schema', 'event_schema'],
  ['recorded_at', 'recorded_at'],
  ['topic', 'topic'],
  ['incarnation', 'incarnation'],
  ['partition', 'partition'],
  ['offset', 'offset'],
  ['claim', 'claim'],
  ['batch_size', 'count'],
];

export const verifyProblems = (): readonly VerifyProblem[] => [
  ...of('verify_entries', {
    leaf_differs: 'The columns of the event do not give its leaf hash: one of them, or the hash, was altered.',
    schema_unknown: 'The row names an event schema that this build does not know.',
    erased_not_empty: 'The row says that a section was erased, and the section holds values, which nothing binds.',
  }),
  ...of('verify_batches', {
    no_manifest: 'The rows belong to no manifest: they were added, or their manifest is gone.',
    entries_missing: 'The manifest counts more events than there are rows.',
    entries_added: 'A place in the batch is taken twice, or lies outside of it.',
    root_differs: 'The leaf hashes in the order of the batch do not give the root that the producer signed: altered or reordered.',
    entry_differs: 'The entry number is not that of its place in the batch.',
    ...Object.fromEntries(
      BATCH_COLUMNS.map(([column, manifest]) => [
        `${column}_differs`,
        `${column} of a row is not ${manifest === column ? 'that' : `the ${manifest}`} of its manifest.`,
      ]),
    ),
  }),
  ...of('verify_chain', {
    manifest_differs: 'The columns of the manifest do not give its hash: one of them, or the hash, was altered.',
    positions_missing: 'Manifests are missing before this one, or, at the end of the log, after it.',
    position_repeated: 'The log has this position more than once.',
    previous_differs: 'The manifest does not name the hash of the one before it.',
    first_entry_differs: 'The manifest does not go on where the entries of the one before it end.',
    head_missing: 'The log goes on after its last head.',
    head_differs: 'A head does not say what the manifests say at its size.',
    head_root_differs: "A head's root is not that of its frontier, or that of the largest head not that of the manifests.",
  }),
];
