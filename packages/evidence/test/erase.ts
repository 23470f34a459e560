import type { EntryColumns } from '@sealtrail/ledger-store/memory';
import { type AuditEvent, actorDigest, currentEventSchema, objectDigest, type Plan } from '@sealtrail/wire';
import { sha256 } from '../../verify/test/sealed-world.ts';

/** What an erasure does to a row: a section's columns at their defaults, and its digest beside them. */
export function eraseSections(row: EntryColumns, sections: readonly ('actor' | 'object')[]): void {
  const schema = currentEventSchema();
  const room = new Uint8Array(65_536);
  const end = schema.encode(row as AuditEvent, room, 0);
  const ends = new Uint32Array(3);
  schema.walk(room, 0, end, ends, 0, { reason: 'malformed', detail: '' });
  const digests = {
    actor: actorDigest(sha256, room.slice(0, ends[0])),
    object: objectDigest(sha256, room.slice(ends[0], ends[1])),
  };
  for (const field of schema.plan.inner) {
    if (sections.some((section) => section === field.section)) Object.assign(row, { [field.name]: defaultOf(field) });
  }
  for (const section of sections) Object.assign(row, { [`${section}_digest`]: digests[section] });
}

function defaultOf(plan: Plan): unknown {
  switch (plan.op) {
    case 'fixed':
      return new Uint8Array(plan.size);
    case 'string':
      return '';
    case 'enum':
      return plan.symbols[0];
    case 'array':
      return [];
    case 'map':
      return new Map();
    case 'int':
    case 'long':
      return 0;
    default:
      return null;
  }
}
