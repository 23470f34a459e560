import type { DetectorEvents, EvaluatedFacts } from '@sealtrail/detector';
import { describe, expect, it } from 'vitest';
import { DetectionProgress } from '../src/deployment/detection-progress.ts';

const nothing = (): void => undefined;
const QUIET: DetectorEvents = { started: nothing, evaluated: nothing, rested: nothing, waiting: nothing, lost: nothing };
const place = (partition: number): { topic: string; partition: number } => ({ topic: 'audit.events', partition });
type Rested = Parameters<DetectorEvents['rested']>[1];
const at = (to: number, pending: number): Rested => ({ to, pending }) as Rested;
const facts = (to: number): EvaluatedFacts => ({ to }) as EvaluatedFacts;

describe('how far detection has come', () => {
  const begin = (ends: readonly (readonly [number, number])[]) => {
    const progress = new DetectionProgress();
    const events = progress.watching(QUIET);
    const stop = new AbortController();
    const told: string[] = [];
    let settled = false;
    const waiting = progress
      .settled(new Map(ends), stop.signal, (evaluated, of) => told.push(`${evaluated}/${of}`))
      .then(() => {
        settled = true;
      });
    waiting.catch(nothing);
    const isSettled = async (): Promise<boolean> => {
      await new Promise((resolve) => setImmediate(resolve));
      return settled;
    };
    return { progress, events, stop, told, waiting, isSettled };
  };

  it('is the end where every partition has read all, and no event of any waits for the watermark', async () => {
    const { events, told, isSettled } = begin([
      [0, 10],
      [1, 4],
    ]);
    events.evaluated(place(0), facts(10));
    events.rested(place(0), at(10, 3));
    events.rested(place(1), at(4, 0));
    expect(await isSettled(), 'events of partition 0 wait').toBe(false);
    events.rested(place(0), at(9, 0));
    expect(await isSettled(), 'one record is left').toBe(false);
    events.rested(place(0), at(10, 0));
    expect(await isSettled()).toBe(true);
    expect(told[0]).toBe('0/14');
    expect(told).toContain('10/14');
  });

  it('is there at once where the log is empty and was looked at', async () => {
    const { events, isSettled } = begin([[0, 0]]);
    expect(await isSettled()).toBe(false);
    events.rested(place(0), at(0, 0));
    expect(await isSettled()).toBe(true);
  });

  it('says why it does not come: the detector ended', async () => {
    const { progress, waiting } = begin([[0, 10]]);
    progress.ended(new Error('the log was closed'));
    await expect(waiting).rejects.toMatchObject({
      code: 'detector_failed',
      message: expect.stringMatching(/^detection stopped \(the log was closed\); /),
    });
  });

  it('says what it waited at when its time is over', async () => {
    const { events, stop, waiting } = begin([[0, 10]]);
    events.waiting(place(0), 'storing alerts', new Error('no space left'));
    stop.abort();
    await expect(waiting).rejects.toMatchObject({
      code: 'detect_unfinished',
      message: expect.stringMatching(/before it was done \(it waited at storing alerts: no space left\); the next/),
    });
  });

  it('passes on what it is told', () => {
    const heard: string[] = [];
    const events = new DetectionProgress().watching({
      ...QUIET,
      evaluated: ({ partition }, { to }) => heard.push(`evaluated ${partition} ${to}`),
      rested: ({ partition }, { to }) => heard.push(`rested ${partition} ${to}`),
      waiting: (_place, what) => heard.push(`waiting ${what}`),
    });
    events.evaluated(place(1), facts(7));
    events.rested(place(1), at(7, 0));
    events.waiting(place(1), 'storing alerts', new Error('x'));
    expect(heard).toEqual(['evaluated 1 7', 'rested 1 7', 'waiting storing alerts']);
  });
});
