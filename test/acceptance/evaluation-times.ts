/** How long single evaluations take, told apart from what else the machine does. */
import type { DetectionEvent } from '@sealtrail/detection';
import type { DetectionRules } from '@sealtrail/detector';
import { auditDetectionEvent } from '@sealtrail/detector';
import type { EventToSign } from '@sealtrail/emitter';
import { sha256 } from '@sealtrail/merkle/node';
import { parseHeader, walkBatch } from '@sealtrail/wire';
import { createSigner } from './detecting.ts';

const hash = sha256();

/** Events as a detector sees them: signed, walked, and decoded anew each time that one is made. */
export function audited(all: readonly EventToSign[], received_us: number): (i: number) => DetectionEvent {
  const signer = createSigner();
  const made: ((received: number) => DetectionEvent)[] = [];
  // One event a batch: an event may fill a sixteenth of one.
  for (const event of all) {
    const parsed = parseHeader(signer.sign({ tenant: 'acme', delivery: 'ROUTINE', events: [event] }).value, hash);
    const batch = parsed.kind === 'header' ? walkBatch(parsed, hash) : parsed;
    if (batch.kind === 'refused') throw new Error(`${batch.reason}: ${batch.detail}`);
    made.push((received) => auditDetectionEvent(batch, 0, received));
  }
  return (i) => (made[i] as (received: number) => DetectionEvent)(received_us);
}

export interface Spread {
  readonly median_us: number;
  readonly p95_us: number;
  readonly ratio: number;
}

/**
 * The spread of the times of `count` evaluations in a row. The run is repeated on empty state, and of each event the least time
 * counts: what interrupts a process does not come at the same event each time, and what the event itself costs does.
 */
export function spreadOf(rules: DetectionRules, count: number, make: (i: number) => DetectionEvent, repeats = 7): Spread {
  const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const engine = rules.engine.fresh();
    for (let i = 0; i < count; i++) {
      const event = make(i);
      const from = process.hrtime.bigint();
      engine.evaluate(event);
      least[i] = Math.min(least[i] as number, Number(process.hrtime.bigint() - from) / 1_000);
    }
  }
  least.sort();
  const [median_us, p95_us] = [least[count >> 1] as number, least[Math.floor(count * 0.95)] as number];
  return { median_us, p95_us, ratio: p95_us / median_us };
}
