import type { AppendOutcome, EventLogProducer } from '@sealtrail/event-log';
import { BATCH_BYTES_MAX } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { ImportError } from '../src/index.ts';
import { idsOf, importedBatches, importedIds, memoryLog, runImport, TENANT, TOPIC } from './import-harness.ts';
import { jsonLines, numbered, record, type TestRecord, uuidOf } from './records.ts';

describe('importCloudTrail', () => {
  it('imports every record once, in order, in batches', async () => {
    const log = memoryLog();
    const records = numbered(25);
    const progress: number[] = [];
    const outcome = await runImport(log, jsonLines(records), { batch_events_max: 10, onProgress: (read) => progress.push(read) });
    expect(outcome).toEqual({ read: 25, accepted: 25, skipped: 0, rejected: 0, first_error: null, last: { partition: 0, offset: 2 } });
    expect(importedIds(log)).toEqual(idsOf(records));
    const headers = importedBatches(log.control.records(TOPIC, 0)).map(({ header }) => header);
    expect(headers.map(({ count, sequence, tenant, delivery, shed }) => [count, sequence, tenant, delivery, shed])).toEqual([
      [10, 0, TENANT, 'ROUTINE', 0],
      [10, 1, TENANT, 'ROUTINE', 0],
      [5, 2, TENANT, 'ROUTINE', 0],
    ]);
    expect(Buffer.from(log.control.records(TOPIC, 0)[0]?.key ?? []).toString()).toBe(TENANT);
    expect(progress).toEqual([11, 21, 25]);
  });

  it('skips what was imported, whatever the file is called and however it is written', async () => {
    const log = memoryLog();
    const records = numbered(25);
    await runImport(log, jsonLines(records), { batch_events_max: 10 });
    for (const text of [
      jsonLines(records),
      JSON.stringify({ Records: records }, null, 2),
      `\ufeff${jsonLines(records).replaceAll('\n', '\r\n')}`,
    ]) {
      expect(await runImport(log, text, { shown_as: 'another.json' })).toEqual({
        read: 25,
        accepted: 0,
        skipped: 25,
        rejected: 0,
        first_error: null,
        last: null,
      });
    }
    expect(importedIds(log)).toEqual(idsOf(records));
  });

  it('goes on in a file that grew', async () => {
    const log = memoryLog();
    const records = numbered(30);
    await runImport(log, jsonLines(records.slice(0, 12)));
    expect(await runImport(log, jsonLines(records))).toMatchObject({ read: 30, accepted: 18, skipped: 12 });
    expect(await runImport(log, jsonLines(records))).toMatchObject({ read: 30, accepted: 0, skipped: 30 });
    expect(importedIds(log)).toEqual(idsOf(records));
  });

  it('keeps tenants, and files with other first events, apart', async () => {
    const log = memoryLog();
    const records = numbered(4);
    await runImport(log, jsonLines(records));
    expect(await runImport(log, jsonLines(records), { tenant: 'other' })).toMatchObject({ accepted: 4, skipped: 0 });
    expect(await runImport(log, jsonLines(records.slice(1)))).toMatchObject({ accepted: 3, skipped: 0 });
    // Its second event is the first of another source.
    expect(await runImport(log, jsonLines([...numbered(1, 100), ...records]))).toMatchObject({ accepted: 5, skipped: 0 });
  });

  it('refuses a file that begins like an imported one and differs further on, or is shorter', async () => {
    const log = memoryLog();
    const records = numbered(10);
    await runImport(log, jsonLines(records));
    const changed = [...records.slice(0, 5), ...records.slice(6), ...numbered(3, 100)];
    await expect(runImport(log, jsonLines(changed))).rejects.toMatchObject({
      code: 'input_changed',
      message: expect.stringContaining('first 10 records'),
    });
    await expect(runImport(log, jsonLines(records.slice(0, 9)))).rejects.toMatchObject({
      code: 'input_changed',
      message: expect.stringContaining('9 records'),
    });
    expect(importedIds(log)).toHaveLength(10);
  });

  it('counts bad lines, names the first, and imports the rest', async () => {
    const log = memoryLog();
    const lines = ['{"cut', ...numbered(3), '[]', record({ eventID: 'x' }), ...numbered(2, 10)];
    const outcome = await runImport(log, jsonLines(lines));
    expect(outcome).toMatchObject({ read: 8, accepted: 5, skipped: 0, rejected: 3, first_error: { line: 1, reason: 'it is not JSON' } });
    expect(await runImport(log, jsonLines(lines))).toMatchObject({
      read: 8,
      accepted: 0,
      skipped: 5,
      rejected: 3,
      first_error: { line: 1 },
    });
    expect(importedIds(log)).toEqual(idsOf([...numbered(3), ...numbered(2, 10)]));
  });

  it('imports a mended line alone, the first one too', async () => {
    const log = memoryLog();
    const bad = ['{"cut', ...numbered(3), '{"cut', ...numbered(3, 10), '{"cut'];
    expect(await runImport(log, jsonLines(bad), { batch_events_max: 4 })).toMatchObject({ accepted: 6, rejected: 3 });
    const mendedFirst = [record({ eventID: uuidOf(50) }), ...bad.slice(1)];
    expect(await runImport(log, jsonLines(mendedFirst))).toMatchObject({
      read: 9,
      accepted: 1,
      skipped: 6,
      rejected: 2,
      first_error: { line: 5 },
    });
    const mended = [
      ...mendedFirst.slice(0, 4),
      record({ eventID: uuidOf(51) }),
      ...mendedFirst.slice(5, 8),
      record({ eventID: uuidOf(52) }),
      record({ eventID: uuidOf(53) }),
    ];
    expect(await runImport(log, jsonLines(mended))).toMatchObject({ read: 10, accepted: 3, skipped: 7, rejected: 0 });
    expect(await runImport(log, jsonLines(mended))).toMatchObject({ read: 10, accepted: 0, skipped: 10, rejected: 0 });
    expect([...importedIds(log)].sort()).toEqual([...idsOf(mended as TestRecord[])].sort());
  });

  it('knows a file again of which every bad line at the beginning was mended, up to 63', async () => {
    const log = memoryLog();
    const mended = numbered(64);
    await runImport(log, jsonLines([...Array.from({ length: 63 }, () => 'bad'), ...mended.slice(63)]));
    expect(await runImport(log, jsonLines(mended))).toMatchObject({ accepted: 63, skipped: 1 });
    expect(await runImport(log, jsonLines(mended))).toMatchObject({ accepted: 0, skipped: 64 });
    const more = jsonLines([...Array.from({ length: 64 }, () => 'bad'), ...numbered(2, 100)]);
    await expect(runImport(log, more)).rejects.toMatchObject({
      code: 'input_malformed',
      message: expect.stringContaining('first 64 records'),
    });
    expect(importedIds(log)).toHaveLength(64);
  });

  it('remembers as many bad places as it says, and stays exact beyond', async () => {
    const log = memoryLog();
    const lines = [
      ...numbered(1),
      ...Array.from({ length: 1_500 }, (_, i) => (i % 2 === 0 ? 'x' : record({ eventID: uuidOf(i + 500), eventName: '' }))),
      ...numbered(1, 10),
    ];
    expect(await runImport(log, jsonLines(lines))).toMatchObject({ read: 1_502, accepted: 2, rejected: 1_500 });
    const again = await runImport(log, jsonLines(lines));
    expect(again).toMatchObject({ read: 1_502, accepted: 0 });
    expect(importedIds(log)).toHaveLength(2);
  });

  it('has nothing to do for an empty file', async () => {
    expect(await runImport(memoryLog(), '')).toEqual({ read: 0, accepted: 0, skipped: 0, rejected: 0, first_error: null, last: null });
  });

  it('refuses what holds no JSON at all', async () => {
    await expect(runImport(memoryLog(), 'date,user\n2023,alice\n')).rejects.toMatchObject({ code: 'input_malformed' });
    expect(await runImport(memoryLog(), '{"no":"record"}\n')).toMatchObject({ read: 1, rejected: 1 });
  });

  it('splits batches by bytes too', async () => {
    const log = memoryLog();
    const parts = { requestParameters: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field${i}`, 'word '.repeat(100)])) };
    const records = numbered(60).map((one) => ({ ...one, ...parts }));
    await runImport(log, jsonLines(records), { batch_events_max: 4_096 });
    const sizes = log.control.records(TOPIC, 0).map(({ value }) => value?.length ?? 0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(BATCH_BYTES_MAX);
    expect(sizes.length).toBeGreaterThan(1);
    expect(importedIds(log)).toEqual(idsOf(records));
  });

  it('stops before the next batch when it is told to, and goes on later', async () => {
    const log = memoryLog();
    const stop = new AbortController();
    const text = jsonLines(numbered(30));
    const run = runImport(log, text, { batch_events_max: 10, stop: stop.signal, onProgress: () => stop.abort() });
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
    expect(await runImport(log, text)).toMatchObject({ accepted: 20, skipped: 10 });
  });

  it('passes on what the source throws, and keeps what was appended', async () => {
    const log = memoryLog();
    const records = numbered(90);
    const breaking = async function* () {
      for (const [i, value] of records.entries()) {
        if (i === 85) throw new ImportError('input_malformed', 'trail.gz is cut off');
        yield { kind: 'value' as const, line: i + 1, value };
      }
    };
    await expect(runImport(log, breaking, { batch_events_max: 20 })).rejects.toMatchObject({ code: 'input_malformed' });
    expect(await runImport(log, jsonLines(records))).toMatchObject({ accepted: 10, skipped: 80 });
    expect(importedIds(log)).toEqual(idsOf(records));
  });
});

describe('what the log says', () => {
  const text = jsonLines(numbered(3));

  /** A producer whose appends are answered by the test. */
  function scripted(answers: readonly (AppendOutcome | 'stored_unknown')[]): { producer: EventLogProducer; appends: () => number } {
    const positions = new Map<string, string>();
    let n = 0;
    return {
      appends: () => n,
      producer: {
        append: async (_, position) => {
          const answer = answers[n++] ?? { kind: 'appended', placed: [{ partition: 0, offset: n }] };
          if (answer === 'stored_unknown' || answer.kind === 'appended') positions.set(position?.source ?? '', position?.value ?? '');
          return answer === 'stored_unknown' ? { kind: 'unknown', cause: new Error('connection lost') } : answer;
        },
        position: async (source) => positions.get(source) ?? null,
        close: async () => {},
      },
    };
  }
  const unknown: AppendOutcome = { kind: 'unknown', cause: new Error('connection lost') };

  it('reads the position again when an outcome is unknown', async () => {
    const stored = scripted(['stored_unknown']);
    expect(await runImport(stored.producer, text)).toMatchObject({ accepted: 3, last: null });
    expect(stored.appends()).toBe(1);
    const lost = scripted([unknown, unknown]);
    expect(await runImport(lost.producer, text)).toMatchObject({ accepted: 3, last: { partition: 0, offset: 3 } });
    expect(lost.appends()).toBe(3);
  });

  it('gives up after five tries', async () => {
    const log = scripted(Array.from({ length: 9 }, () => unknown));
    await expect(runImport(log.producer, text)).rejects.toMatchObject({ code: 'append_unconfirmed' });
    expect(log.appends()).toBe(5);
  });

  it('tells a refusal', async () => {
    const log = scripted([{ kind: 'refused', code: 'no_space', cause: new Error('ENOSPC') }]);
    await expect(runImport(log.producer, text)).rejects.toMatchObject({
      code: 'append_refused',
      message: expect.stringContaining('no_space'),
    });
  });

  it('tells when it does not learn the position', async () => {
    const log = scripted([unknown]);
    let asked = 0;
    const position: EventLogProducer['position'] = async (source) => {
      if (++asked === 5) throw new Error('gone');
      return log.producer.position(source);
    };
    await expect(runImport({ ...log.producer, position }, text)).rejects.toMatchObject({ code: 'append_unconfirmed' });
  });

  it('stops when somebody else imports the same file', async () => {
    const log = memoryLog();
    const producer = await log.producer();
    let others = 0;
    const run = runImport(log, jsonLines(numbered(30)), {
      batch_events_max: 10,
      producer: {
        ...producer,
        append: async (records, position) => {
          const outcome = await producer.append(records, position);
          if (others++ === 0) await runImport(log, jsonLines(numbered(30)), { batch_events_max: 10 });
          return outcome;
        },
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'import_concurrent' });
    expect(importedIds(log)).toEqual(idsOf(numbered(30)));
  });

  it('does not touch a position that it cannot read', async () => {
    const log = scripted([]);
    await expect(runImport({ ...log.producer, position: async () => '{"version":2}' }, text)).rejects.toMatchObject({
      code: 'input_changed',
    });
    expect(log.appends()).toBe(0);
  });
});
