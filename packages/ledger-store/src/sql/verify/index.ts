/**
 * Verification in SQL: views that list what does not recompute to the stored manifests. They check no signature and no
 * outside checkpoint: whoever can write the tables, and writes all of them, satisfies them (docs/analysts.md).
 */
import type { SqlFunction } from '../functions.ts';
import { verifyBatchesView } from './batches.ts';
import { verifyChainView } from './chain.ts';
import { verifyEntriesView } from './entries.ts';
import { rootFunctions } from './root.ts';

export { type VerifyProblem, type VerifyView, verifyProblems } from './problems.ts';

/** What the views are built on. */
export const verifyFunctions = (): readonly SqlFunction[] => rootFunctions();

/** Statements that make or renew the views and their functions; after the tables. */
export const verifyStatements = (): readonly string[] => [
  ...verifyFunctions().map(({ name, parameters, body }) => `CREATE OR REPLACE FUNCTION ${name} AS (${parameters}) -> ${body}`),
  verifyEntriesView(),
  verifyBatchesView(),
  verifyChainView(),
];
