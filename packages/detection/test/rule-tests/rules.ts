import { createHash } from 'node:crypto';
import { compile, type DetectionEvent, type Engine, type FieldValue, type LoadedRules, loadRules } from '../../src/index.ts';

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export const FAILED = '11111111-0000-4000-8000-000000000001';
export const BURST = '11111111-0000-4000-8000-000000000002';
export const ROUGH = '11111111-0000-4000-8000-000000000003';
export const CHAIN = '11111111-0000-4000-8000-000000000004';

export const RULES = `
title: Failed
id: ${FAILED}
name: failed
logsource: { product: sealtrail, category: audit }
detection: { selection: { outcome: DENIED }, condition: selection }
---
title: Burst
id: ${BURST}
name: burst
correlation: { type: event_count, rules: [failed], group-by: [actor_id], timespan: 1m, condition: { gte: 3 } }
---
title: Rough
id: ${ROUGH}
name: rough
correlation: { type: event_count, rules: [failed], timespan: 1m, condition: { gt: 2, lt: 9 } }
---
title: Chain
id: ${CHAIN}
name: chain
correlation: { type: temporal, rules: [failed], timespan: 1m }
`;

export const load = (text: string = RULES): LoadedRules => loadRules([{ file: 'rules.yml', text }], { sha256 });

export const engineOf = (): Engine => compile(load(), { sha256 }).engine;

/** An event of a time in seconds. */
export function event(id: string, time_s: number, tenant: string, fields: Readonly<Record<string, FieldValue>>): DetectionEvent {
  return {
    id,
    tenant,
    time_us: time_s * 1e6,
    logsource: { product: 'sealtrail', category: 'audit', service: null },
    field: (name) => fields[name],
    values: () => Object.values(fields),
  };
}
