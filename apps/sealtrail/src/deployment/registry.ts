import { EventLogError, type EventLogReader } from '@sealtrail/event-log';
import { sha256 } from '@sealtrail/merkle/node';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';

const READ_LIMITS = { records_max: 1_000, bytes_max: 4_194_304, wait_ms: 0 };

/** The key registry as its stream has it now. Throws EventLogError. */
export async function readRegistry(reader: EventLogReader, topic: string): Promise<Registry> {
  const { start, end } = await reader.bounds(topic, 0);
  let registry = emptyRegistry(sha256());
  for (let from = start; from < end; from = registry.size + start) {
    const read = await reader.read(topic, 0, from, READ_LIMITS);
    if (read.kind === 'unavailable') throw read.cause;
    if (read.kind !== 'records' || read.records.length === 0) {
      throw new EventLogError('log_unavailable', `${topic} gave nothing at ${from} though it ends at ${end}; run the command again`);
    }
    registry = extendRegistry(
      sha256(),
      registry,
      read.records.map((record) => record.value ?? new Uint8Array(0)),
    );
  }
  return registry;
}

/** What the registry says of one key. */
export interface KeyStanding {
  readonly state: 'valid' | 'revoked' | 'not registered';
  readonly tenants: readonly string[];
  /** Since when it is revoked, in ms since 1970; null when it is not. */
  readonly revoked_from: number | null;
}

export function standingOf(registry: Registry, keyId: Uint8Array, now_ms: number): KeyStanding {
  const records = registry.recordsOf(keyId);
  const tenants = [...new Set(records.flatMap((record) => (record.kind === 'REGISTER' ? record.tenants : [])))].sort();
  const revocations = records.flatMap((record) => (record.kind === 'REVOKE' && record.valid_from <= now_ms ? [record.valid_from] : []));
  const revoked_from = revocations.length === 0 ? null : Math.min(...revocations);
  return { state: revoked_from !== null ? 'revoked' : tenants.length === 0 ? 'not registered' : 'valid', tenants, revoked_from };
}
