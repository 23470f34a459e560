import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { missingTools } from './broker.ts';

export type LentBroker = { readonly kind: 'broker'; readonly address: string } | { readonly kind: 'none' | 'failed'; readonly why: string };

/**
 * Addresses of a broker for tests: `KAFKA_BROKERS` when it is set, else one that this run starts and ends. null where there
 * is none to be had, said once a suite; with REQUIRE_KAFKA=1, and where one did not start, it throws. (No SEALTRAIL_ in front:
 * services refuse unknown variables that begin so, and the tests start services.)
 */
export async function testBrokers(suite: string): Promise<readonly string[] | null> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '') return given.split(',');
  const lent = JSON.parse(await text(createConnection(inject('kafka_lender')))) as LentBroker;
  if (lent.kind === 'broker') return [lent.address];
  if (lent.kind === 'failed') throw new Error(`${suite}: no Kafka broker: ${lent.why}`);
  notTested(suite, lent.why);
  return null;
}

/** Whether a suite can start a broker of its own, to configure or to kill; what it lacks is said or thrown as above. */
export async function canStartBroker(suite: string): Promise<boolean> {
  const missing = await missingTools();
  if (missing !== null) notTested(suite, missing);
  return missing === null;
}

function notTested(suite: string, why: string): void {
  if (process.env['REQUIRE_KAFKA'] === '1') throw new Error(`${suite}: no Kafka broker: ${why}`);
  process.stderr.write(`\nKAFKA IS NOT TESTED (${suite}): ${why}\n\n`);
}
