import type { Deployment, SigningKey } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import type { EventLogProducer } from '@sealtrail/event-log';
import { systemActor } from '@sealtrail/identity';
import { CANARY_PRODUCER } from '@sealtrail/wire';
import { CANARY_ACTION } from './canary.ts';
import type { CanaryPorts } from './canary-run.ts';

export interface CanaryEmitterOptions {
  readonly deployment: Pick<Deployment, 'audience' | 'topic'>;
  /** Registered for the producer of canaries and its tenants. */
  readonly key: SigningKey;
  /** Not closed here. */
  readonly log: EventLogProducer;
  /** How long an emission may wait for the event log. */
  readonly timeout_ms: number;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/**
 * Emits canaries as a service emits its events: through `audit.log`, CRITICAL, so that each is sent at once and durable when
 * it resolves. No HEARTBEAT and no CLOSE follow: whether canaries go on is what health tells.
 * Throws EmitterError `append_refused`, `append_unconfirmed`, `overloaded`.
 */
export function createCanaryEmitter({ deployment, key, log, timeout_ms, clock_ms, random }: CanaryEmitterOptions): CanaryPorts['emit'] {
  const emitter = createEmitter({
    log,
    topic: deployment.topic,
    audience: deployment.audience,
    producer: CANARY_PRODUCER,
    publicKey: key.public_key,
    sign: key.sign,
    critical_timeout_ms: timeout_ms,
    heartbeat_ms: 0,
    clock_ms,
    random,
    // The promise of the canary itself rejects.
    onProblem: () => undefined,
  });
  const actor = systemActor(CANARY_PRODUCER);
  return ({ tenant, partition }, event_id) =>
    emitter.audit.log(
      CANARY_ACTION,
      { resource_type: 'partition', resource_id: String(partition), event_id, delivery: 'CRITICAL' },
      { tenant, actor },
    );
}
