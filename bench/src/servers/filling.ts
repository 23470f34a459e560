/** The process that emits in the soak: a service with our emitter and a key of the deployment. Tells how many events were acknowledged. */
import { randomBytes } from 'node:crypto';
import { loadProducerKey, openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { contextOf, detailsOf, tenantOf } from '../request-events.ts';

export interface FillingOptions {
  readonly broker: string;
  readonly deployment_dir: string;
  readonly producer: string;
  readonly events: number;
  readonly tenants: number;
}
export interface Filled {
  readonly acknowledged_events: number;
  readonly shed_events: number;
}

const EVENTS_A_TURN = 64;
const PRESSURE_MAX = 0.5;
const options = JSON.parse(process.argv[2] ?? '') as FillingOptions;
const directory = await openDataDirectory({ dir: options.deployment_dir });
const key = await loadProducerKey(directory, options.producer);
const log = await openKafkaEventLog({ client: { brokers: [options.broker] }, clock_ms: Date.now, random: randomBytes });
const emitter = createEmitter({
  log: await log.producer(),
  topic: directory.deployment.topic,
  audience: directory.deployment.audience,
  producer: options.producer,
  publicKey: key.public_key,
  sign: key.sign,
  close_timeout_ms: 600_000,
});
for (let n = 0; n < options.events; n++) {
  void emitter.audit.log('invoice.read', detailsOf(n), { ...contextOf(n), tenant: tenantOf(n, options.tenants) });
  if (n % EVENTS_A_TURN !== 0) continue;
  await new Promise((resolve) => setImmediate(resolve));
  while (emitter.stats().pressure > PRESSURE_MAX) await new Promise((resolve) => setTimeout(resolve, 1));
}
const closed = await emitter.close();
const { routine } = emitter.stats();
if (closed.kind !== 'closed') throw new Error(`the emitter ended as ${closed.kind}`);
await log.close();
process.send?.({ acknowledged_events: routine.sent_events, shed_events: routine.shed_events } satisfies Filled);
process.disconnect?.();
