import type { SqlResult } from '@sealtrail/ledger-store';
import type { Engine } from './engine.ts';
export interface SelectDefaults {
  readonly rows_max?: number;
  readonly time_ms_max?: number;
}
export async function selectRows(_engine: Engine, _sql: string, _limits: SelectDefaults): Promise<SqlResult> {
  throw new Error('not yet');
}
