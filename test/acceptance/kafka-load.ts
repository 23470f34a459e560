/** A service that emits into Kafka at a rate until it is told to stop: `kafkaLoad` starts it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { startLocalIssuer } from '@sealtrail/examples/local-issuer';
import { openProducerKey } from '@sealtrail/examples/producer-key';
import { createTokenVerifier } from '@sealtrail/identity';
import { withConfirmed } from '../../examples/src/confirmed.ts';
import { runLoad } from '../../examples/src/load.ts';

const option = { type: 'string' } as const;
const { values } = parseArgs({ options: { data: option, producer: option, rate: option, record: option } });
const { data = '', producer: name = '', rate = '1000', record: file = '' } = values;
const clock_ms = Date.now;
const DAY_S = 86_400;
/** A broker that was killed is back within it. */
const CLOSE_TIMEOUT_MS = 60_000;

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const directory = await openDataDirectory({ dir: data });
const { audience, topic } = directory.deployment;
const log = await openKafkaEventLog({
  client: { brokers: (process.env['KAFKA_BROKERS'] ?? '').split(',') },
  clock_ms,
  random: randomBytes,
  log: ({ message }) => process.stderr.write(`kafka: ${message}\n`),
});
const key = await openProducerKey({ directory, log, name, tenants: ['*'], random: randomBytes });

const record = openSync(file, 'a');
let accepted = 0;
const producer = withConfirmed(await log.producer(), (ids) => {
  accepted += ids.length;
  if (ids.length > 0) writeSync(record, `${ids.join('\n')}\n`);
});
const emitter = createEmitter({
  log: producer,
  topic,
  audience,
  producer: name,
  publicKey: key.public_key,
  sign: key.sign,
  tenant: 'platform',
  close_timeout_ms: CLOSE_TIMEOUT_MS,
});
const issuer = await startLocalIssuer({ clock_ms, newId: randomUUID });
const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms });
process.stdout.write('the load begins\n');
await runLoad({ emitter, issuer, identity, clock_ms, rate_per_s: Number(rate), seconds: DAY_S, stop: stop.signal });

const closed = await emitter.close();
const { routine, critical } = emitter.stats();
await issuer.close();
await producer.close();
await log.close();
closeSync(record);
const lost = routine.lost_events + critical.lost_events;
const shed = routine.shed_events + critical.shed_events;
process.stdout.write(`${JSON.stringify({ accepted, lost, shed, closed: closed.kind })}\n`);
