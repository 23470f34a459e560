import { ed25519Signer } from '@sealtrail/merkle/node';
import { describe, expect, it } from 'vitest';
import { harness, SEED, sequences, settle } from './fixtures/harness.ts';

const CRITICAL = { delivery: 'CRITICAL' } as const;

/** Whether a promise has settled, and how. */
function watch(promise: Promise<void>): { state: 'pending' | 'resolved' | string } {
  const seen: { state: string } = { state: 'pending' };
  promise.then(
    () => {
      seen.state = 'resolved';
    },
    (error: { code: string }) => {
      seen.state = error.code;
    },
  );
  return seen;
}

describe('a CRITICAL event', () => {
  it('resolves only after the log said that it is durable', async () => {
    const { emitter, log, batches } = harness();
    let answer: () => void = () => undefined;
    log.answers.push({ after: new Promise((resolve) => (answer = resolve)) });
    const one = watch(emitter.audit.log('invoice.delete', CRITICAL));
    await settle();
    expect([log.tried.length, log.records.length, one.state]).toEqual([1, 0, 'pending']);
    answer();
    await settle();
    expect([one.state, batches().map(({ header }) => header.delivery)]).toEqual(['resolved', ['CRITICAL']]);
  });

  it('is one by its severity too, and is not lowered by ROUTINE', async () => {
    const { emitter, batches } = harness();
    await emitter.audit.log('invoice.delete', { severity: 'CRITICAL', delivery: 'ROUTINE' });
    await emitter.audit.log('invoice.delete', { severity: 'LOW', delivery: 'CRITICAL' });
    expect(batches().map(({ header }) => header.delivery)).toEqual(['CRITICAL', 'CRITICAL']);
    expect(emitter.stats()).toMatchObject({ critical: { logged: 2, sent_events: 2, sent_batches: 2 }, routine: { logged: 0 } });
  });

  it('does not wait for lingering ROUTINE ones, and shares a batch with those of the same turn', async () => {
    const { emitter, batches } = harness({ linger_ms: 60_000 });
    void emitter.audit.log('invoice.read');
    await Promise.all([emitter.audit.log('invoice.delete', CRITICAL), emitter.audit.log('invoice.void', CRITICAL)]);
    expect(batches().map(({ events }) => events.map(({ action }) => action))).toEqual([['invoice.delete', 'invoice.void']]);
  });

  it.each(['append_unconfirmed', 'lose', 'throw'] as const)(
    'after %s the same bytes are sent again, and it resolves then',
    async (first) => {
      const { emitter, log, timers, problems } = harness();
      log.answers.push(first, first);
      const one = watch(emitter.audit.log('invoice.delete', CRITICAL));
      await settle();
      expect(one.state).toBe('pending');
      await timers.advance(10_000);
      expect(one.state).toBe('resolved');
      expect(log.tried).toHaveLength(3);
      expect(new Set(log.tried.map(([record]) => Buffer.from(record?.value as Uint8Array).toString('hex'))).size).toBe(1);
      expect(problems.map(({ kind, code, events }) => [kind, code, events])).toEqual([
        ['append_retried', 'append_unconfirmed', 1],
        ['append_retried', 'append_unconfirmed', 1],
      ]);
      expect(emitter.stats().append_retries).toBe(2);
    },
  );

  it.each(['no_space', 'unknown_topic', 'record_too_large', 'closed'] as const)('rejects when the log refuses: %s', async (refuse) => {
    const { emitter, log, problems, batches } = harness();
    log.answers.push({ refuse });
    await expect(emitter.audit.log('invoice.delete', CRITICAL)).rejects.toMatchObject({ name: 'EmitterError', code: 'append_refused' });
    expect(problems).toMatchObject([{ kind: 'batch_refused', tenant: 'acme', events: 1 }]);
    await emitter.audit.log('invoice.delete', CRITICAL);
    // The refused number stays unused, so the loss shows; the header says how much it was.
    expect(batches().map(({ header }) => [header.sequence, header.shed])).toEqual([[1, 1]]);
    expect(emitter.stats().critical.lost_events).toBe(1);
  });

  it('rejects alone when its batch-mates of the same append are fine', async () => {
    const { emitter, log, batches } = harness();
    let answer: () => void = () => undefined;
    log.answers.push({ after: new Promise((resolve) => (answer = resolve)) });
    const first = watch(emitter.audit.log('invoice.delete', CRITICAL));
    await settle();
    const tenants = ['a', 'b', 'c'].map((tenant) => watch(emitter.audit.log('invoice.delete', CRITICAL, { tenant })));
    log.otherwise = { refuseRecord: ({ key }) => Buffer.from(key as Uint8Array).toString() === 'b' };
    await settle();
    answer();
    await settle(20);
    expect([first.state, ...tenants.map(({ state }) => state)]).toEqual(['resolved', 'resolved', 'append_refused', 'resolved']);
    expect(batches().map(({ header }) => header.tenant)).toEqual(['acme', 'a', 'c']);
  });

  it('rejects after critical_timeout_ms, and is still sent', async () => {
    const { emitter, log, timers, batches } = harness({ critical_timeout_ms: 1_000 });
    log.otherwise = 'lose';
    const one = watch(emitter.audit.log('invoice.delete', { ...CRITICAL, resource_id: 'i-1' }));
    await timers.advance(999);
    expect(one.state).toBe('pending');
    await timers.advance(1);
    expect(one.state).toBe('append_unconfirmed');
    log.otherwise = 'append';
    await timers.advance(10_000);
    expect(batches().map(({ events }) => events[0]?.resource_id)).toEqual(['i-1']);
  });

  it('is never shed silently: without room it rejects, and the next header counts it', async () => {
    const { emitter, log, timers, batches } = harness({ critical_bytes_max: 1_000 });
    log.otherwise = 'lose';
    const calls = Array.from({ length: 20 }, () => watch(emitter.audit.log('invoice.delete', CRITICAL)));
    await settle();
    const rejected = calls.filter(({ state }) => state === 'overloaded').length;
    expect(rejected).toBeGreaterThan(10);
    expect(emitter.stats()).toMatchObject({ critical: { shed_events: rejected } });
    expect(emitter.stats().critical_bytes).toBeLessThanOrEqual(1_000);
    log.otherwise = 'append';
    await timers.advance(10_000);
    await emitter.audit.log('invoice.delete', CRITICAL);
    expect(batches().at(-1)?.header.shed).toBe(rejected);
    expect(calls.every(({ state }) => state !== 'pending')).toBe(true);
    expect(batches().flatMap(({ events }) => events)).toHaveLength(20 - rejected + 1);
  });

  it('that cannot be encoded rejects, and the next header counts it', async () => {
    const { emitter, batches, problems } = harness();
    await expect(emitter.audit.log('invoice.delete', { ...CRITICAL, occurred_at_ms: -1 })).rejects.toMatchObject({
      code: 'event_not_encodable',
    });
    await expect(emitter.audit.log('invoice delete', CRITICAL)).rejects.toMatchObject({ code: 'invalid_name' });
    await emitter.audit.log('invoice.delete', CRITICAL);
    expect(batches().map(({ header }) => [header.sequence, header.shed])).toEqual([[0, 2]]);
    expect(problems).toEqual([]); // the caller was told
  });

  it('rejects when the key cannot sign, and takes no number', async () => {
    let broken = true;
    const signer = ed25519Signer(SEED);
    const { emitter, log, batches } = harness({
      sign: (message) => {
        if (broken) throw new Error('the key service is away');
        return signer(message);
      },
    });
    await expect(emitter.audit.log('invoice.delete', CRITICAL)).rejects.toMatchObject({ code: 'signing_failed' });
    expect(log.tried).toHaveLength(0);
    broken = false;
    await emitter.audit.log('invoice.delete', CRITICAL);
    expect(batches().map(({ header }) => [header.sequence, header.shed])).toEqual([[0, 1]]);
  });

  it('does not wait for ROUTINE batches that the log does not take', async () => {
    const { emitter, log, batches } = harness();
    void emitter.audit.log('invoice.read');
    log.otherwise = { refuseRecord: ({ value }) => Buffer.from(value).includes('invoice.read') };
    log.answers.push('lose');
    void emitter.flush();
    await settle();
    await emitter.audit.log('invoice.delete', CRITICAL);
    expect(batches().map(({ header }) => header.delivery)).toEqual(['CRITICAL']);
    expect(sequences(batches()).get('acme CRITICAL')).toEqual([0]);
  });
});
