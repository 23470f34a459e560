/** As `sealtrail` and the ledger's image start Node: see docs/operations/ledger.md. */
export const SERVICE_NODE_FLAGS: readonly string[] = ['--initial-old-space-size=256'];

/** What a child process of a benchmark runs with, from the sources. */
export const SOURCE_NODE_FLAGS: readonly string[] = ['--conditions=source', '--import', 'tsx'];
