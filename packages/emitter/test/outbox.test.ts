import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from './fixtures/fake-log.ts';
import { harness, sequences, settle } from './fixtures/harness.ts';

const bytesOf = (value: Uint8Array | undefined): string => Buffer.from(value as Uint8Array).toString('hex');

describe('batches on their way', () => {
  it('keep their bytes and their number through unknown outcomes; later ones wait', async () => {
    const { emitter, log, timers, batches } = harness({ batch_events_max: 1 });
    log.otherwise = 'append_unconfirmed';
    for (let i = 0; i < 3; i++) void emitter.audit.log('invoice.read', { resource_id: String(i) });
    await timers.advance(200);
    log.otherwise = 'append';
    await timers.advance(10_000);
    await emitter.flush();
    // The log holds each of them several times, as it would after lost answers: one number, one content.
    const byNumber = new Map<number, Set<string>>();
    for (const { header, walked } of batches()) {
      byNumber.set(header.sequence, (byNumber.get(header.sequence) ?? new Set()).add(bytesOf(walked.record)));
    }
    expect([...byNumber.keys()]).toEqual([0, 1, 2]);
    expect([...byNumber.values()].map((contents) => contents.size)).toEqual([1, 1, 1]);
  });

  it.each(['no_space', 'unknown_topic'] as const)('ROUTINE ones outlive a refusal that an operator can lift: %s', async (refuse) => {
    const { emitter, log, timers, problems, batches } = harness();
    log.answers.push({ refuse }, { refuse });
    void emitter.audit.log('invoice.read');
    void emitter.flush();
    await timers.advance(10_000);
    expect(batches().map(({ header }) => [header.sequence, header.shed])).toEqual([[0, 0]]);
    expect(problems.map(({ kind, code }) => [kind, code])).toEqual([
      ['append_retried', 'append_refused'],
      ['append_retried', 'append_refused'],
    ]);
  });

  it('one that is refused for good is told, leaves its number unused, and is counted in the next header', async () => {
    const { emitter, log, problems, batches } = harness();
    log.answers.push({ refuse: 'record_too_large' });
    for (let i = 0; i < 5; i++) void emitter.audit.log('invoice.read');
    await emitter.flush();
    void emitter.audit.log('invoice.read');
    await emitter.flush();
    expect(problems).toMatchObject([{ kind: 'batch_refused', code: 'append_refused', events: 5, tenant: 'acme' }]);
    expect(batches().map(({ header }) => [header.sequence, header.shed])).toEqual([[1, 5]]);
    expect(emitter.stats()).toMatchObject({ routine: { lost_events: 5, sent_events: 1 }, routine_bytes: 0 });
  });

  it.each(['append_unconfirmed', 'lose', 'throw'] as const)(
    'one that is refused after %s may be recorded: told, counted and named so',
    async (first) => {
      const { emitter, log, timers, problems } = harness();
      log.answers.push(first, { refuse: 'record_too_large' });
      for (let i = 0; i < 5; i++) void emitter.audit.log('invoice.read');
      void emitter.flush();
      await timers.advance(10_000);
      expect(log.records.length).toBe(first === 'append_unconfirmed' ? 1 : 0);
      expect(problems).toMatchObject([
        { kind: 'append_retried', code: 'append_unconfirmed' },
        { kind: 'batch_unconfirmed', code: 'append_unconfirmed', events: 5, tenant: 'acme' },
      ]);
      expect(problems[1]?.message).toMatch(/may be recorded$/);
      expect(emitter.stats()).toMatchObject({ routine: { lost_events: 0, unconfirmed_events: 5, sent_events: 0 }, routine_bytes: 0 });
    },
  );

  it('a CRITICAL one whose retry is refused rejects as unconfirmed', async () => {
    const { emitter, log, timers } = harness();
    log.answers.push('append_unconfirmed', { refuse: 'no_space' });
    const rejected = emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' }).catch((error: Error) => error);
    await timers.advance(10_000);
    expect(await rejected).toMatchObject({ code: 'append_unconfirmed', message: expect.stringMatching(/may be recorded$/) });
    expect(emitter.stats()).toMatchObject({ critical: { lost_events: 0, unconfirmed_events: 1 } });
  });

  it('one refused again and again was never taken: it is not recorded', async () => {
    const { emitter, log, timers, problems } = harness();
    log.answers.push({ refuse: 'no_space' }, { refuse: 'no_space' }, { refuse: 'record_too_large' });
    void emitter.audit.log('invoice.read');
    void emitter.flush();
    await timers.advance(10_000);
    expect(problems.at(-1)).toMatchObject({ kind: 'batch_refused', code: 'append_refused' });
    expect(emitter.stats()).toMatchObject({ routine: { lost_events: 1, unconfirmed_events: 0 } });
  });

  it('of one append that was not confirmed: each may be recorded, and those signed later are not', async () => {
    const { emitter, log, timers } = harness();
    for (const tenant of ['a', 'b']) void emitter.audit.log('invoice.read', {}, { tenant });
    log.answers.push('lose');
    log.otherwise = { refuse: 'record_too_large' };
    void emitter.flush();
    await timers.advance(10_000);
    void emitter.audit.log('invoice.read', {}, { tenant: 'c' });
    void emitter.flush();
    await timers.advance(10_000);
    expect(emitter.stats()).toMatchObject({ routine: { lost_events: 1, unconfirmed_events: 2 } });
  });

  it('of one append are asked for one by one when it is refused, in order', async () => {
    const { emitter, log, batches, timers } = harness();
    for (const tenant of ['a', 'bad', 'c', 'd']) void emitter.audit.log('invoice.read', {}, { tenant });
    log.otherwise = { refuseRecord: ({ key }) => Buffer.from(key as Uint8Array).toString() === 'bad' };
    log.answers.push(log.otherwise, 'append', log.otherwise, 'lose');
    void emitter.flush();
    await settle();
    await timers.advance(10_000);
    expect(log.tried.map((records) => records.length)).toEqual([4, 1, 1, 1, 2]);
    expect(batches().map(({ header }) => header.tenant)).toEqual(['a', 'c', 'd']);
  });

  it('pauses grow to retry_ms_max and start over after a success', async () => {
    const { emitter, log, timers } = harness({ retry_ms_min: 100, retry_ms_max: 800, random: (bytes) => new Uint8Array(bytes).fill(255) });
    log.otherwise = 'lose';
    void emitter.audit.log('invoice.read');
    void emitter.flush();
    await settle();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = timers.now_ms;
      const tries = log.tried.length;
      while (log.tried.length === tries) await timers.advance(1);
      waits.push(timers.now_ms - before);
    }
    expect(waits).toEqual([100, 200, 400, 799, 799, 799]);
    log.otherwise = 'append';
    await timers.advance(1_000);
    log.otherwise = 'lose';
    void emitter.audit.log('invoice.read');
    void emitter.flush();
    await settle();
    const tries = log.tried.length;
    await timers.advance(101);
    expect(log.tried.length).toBe(tries + 1);
  });

  it('flush resolves when all before it is durable, not when later events are', async () => {
    const { emitter, log, timers } = harness();
    log.answers.push('lose');
    void emitter.audit.log('invoice.read');
    let flushed = false;
    void emitter.flush().then(() => (flushed = true));
    await settle();
    expect(flushed).toBe(false);
    await timers.advance(100);
    expect(flushed).toBe(true);
    await emitter.flush(); // nothing waits
  });

  it('whatever the log answers: numbers are gapless save refused ones, every event is sent, lost or shed, and order holds', async () => {
    const answer: fc.Arbitrary<Answer> = fc.oneof(
      { weight: 3, arbitrary: fc.constant('append' as const) },
      { weight: 2, arbitrary: fc.constantFrom('append_unconfirmed', 'lose', 'throw') },
      { weight: 1, arbitrary: fc.constantFrom('no_space', 'record_too_large', 'unknown_topic').map((refuse) => ({ refuse }) as Answer) },
    );
    const act = fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), critical: fc.boolean(), wait_ms: fc.constantFrom(0, 0, 1, 300) });
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { maxLength: 30 }), fc.array(act, { minLength: 1, maxLength: 25 }), async (answers, acts) => {
        const { emitter, log, timers, batches } = harness({
          batch_events_max: 3,
          memory_bytes_max: 2_000,
          critical_timeout_ms: 86_400_000,
        });
        log.answers.push(...answers);
        let confirmed = 0;
        let failed = 0;
        for (const [i, { tenant, critical, wait_ms }] of acts.entries()) {
          const done = emitter.audit.log('x.y', { resource_id: String(i), delivery: critical ? 'CRITICAL' : 'ROUTINE' }, { tenant });
          if (critical)
            done.then(
              () => confirmed++,
              () => failed++,
            );
          if (wait_ms > 0) await timers.advance(wait_ms);
        }
        void emitter.flush();
        await timers.advance(1_000_000);
        const { routine, critical } = emitter.stats();
        const { sent_events, shed_events, lost_events, unconfirmed_events } = routine;
        expect(sent_events + shed_events + lost_events + unconfirmed_events).toBe(routine.logged);
        expect([confirmed, failed]).toEqual([
          critical.sent_events,
          critical.lost_events + critical.unconfirmed_events + critical.shed_events,
        ]);
        expect(emitter.stats()).toMatchObject({ routine_bytes: 0, critical_bytes: 0, batches_waiting: 0 });
        log.answers.length = 0;
        await closeInTime(emitter.close(), timers);

        const contents = new Map<string, string>();
        for (const { header, walked } of batches()) {
          const name = `${header.tenant} ${header.delivery} ${header.sequence}`;
          expect(contents.get(name) ?? bytesOf(walked.record)).toBe(bytesOf(walked.record));
          contents.set(name, bytesOf(walked.record));
        }
        // Seen first, each number is larger than the one before; what is missing was refused, and is counted.
        const once = new Map<string, number[]>();
        for (const [name, numbers] of sequences(batches())) once.set(name, [...new Set(numbers)]);
        let missing = 0;
        for (const numbers of once.values()) {
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
          missing += (numbers.at(-1) as number) + 1 - numbers.length;
        }
        const givenUp = [routine, critical].map((counts) => counts.lost_events + counts.unconfirmed_events);
        if (Math.max(...givenUp) === 0) expect(missing).toBe(0);
        // What is told as lost is not in the log: its numbers are missing.
        if (routine.lost_events + critical.lost_events > 0) expect(missing).toBeGreaterThan(0);
        for (const tenant of ['a', 'b', 'c']) {
          const sent = batches()
            .filter(({ header }) => header.tenant === tenant && header.delivery === 'ROUTINE')
            .flatMap(({ events }) => events.map(({ resource_id }) => Number(resource_id)));
          expect([...new Set(sent)]).toEqual([...new Set(sent)].sort((a, b) => a - b));
        }
        const closes = batches().filter(({ header }) => header.kind === 'CLOSE');
        const told = closes.reduce((sum, { header }) => sum + header.shed, 0);
        const shed = routine.shed_events + critical.shed_events;
        expect(told).toBe(shed + givenUp.reduce((sum, count) => sum + count, 0));
      }),
      { numRuns: 60 },
    );
  });
});

async function closeInTime(closing: Promise<{ readonly kind: string }>, timers: { advance(ms: number): Promise<void> }): Promise<void> {
  await timers.advance(9_000);
  expect((await closing).kind).toBe('closed');
}
