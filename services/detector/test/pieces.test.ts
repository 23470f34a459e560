import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressText } from '../src/address-text.ts';
import { EvidencePlaces } from '../src/evidence-places.ts';
import { loadDetection, readAlerting, SHIPPED_RULES, STORED_PIPELINE } from '../src/index.ts';
import { formatProgress, parseProgress } from '../src/progress.ts';
import { firstTakenAt } from '../src/replay-start.ts';

const bytesOf = (groups: readonly number[]): Uint8Array => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));

describe('addressText', () => {
  // Examples of RFC 5952.
  it.each([
    [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], '2001:db8::1:0:0:1'],
    [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], '2001:db8:0:1:1:1:1:1'],
    [[0x2001, 0, 0, 1, 0, 0, 0, 1], '2001:0:0:1::1'],
    [[0, 0, 0, 0, 0, 0, 0, 0], '::'],
    [[0, 0, 0, 0, 0, 0, 0, 1], '::1'],
    [[1, 0, 0, 0, 0, 0, 0, 0], '1::'],
    [[0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201], '192.0.2.1'],
  ])('%j is %s', (groups, text) => {
    expect(addressText(bytesOf(groups))).toBe(text);
  });

  it('is what the platform reads back as the same address', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }), (groups) => {
        const text = addressText(bytesOf(groups));
        if (text.includes('.')) return;
        expect(isIPv6(text)).toBe(true);
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });
});

describe('firstTakenAt', () => {
  it('finds the first record that is not older', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 40 }),
        fc.integer({ min: 0, max: 60 }),
        fc.nat({ max: 45 }),
        async (gaps, from_ms, before) => {
          let time = 0;
          const times = gaps.map((gap) => (time += gap % 3));
          const read = async (offset: number) =>
            ({ kind: 'records', records: offset < times.length ? [{ appended_at_ms: times[offset] as number }] : [] }) as never;
          const found = await firstTakenAt(read, { start: 0, end: times.length }, before, from_ms);
          const wanted = times.findIndex((at) => at >= from_ms);
          const limit = Math.min(before, times.length);
          expect(found).toBe(wanted < 0 ? limit : Math.min(wanted, limit));
        },
      ),
    );
  });

  it('goes on where retention has taken the beginning', async () => {
    const read = async (offset: number) =>
      (offset < 7 ? { kind: 'out_of_range', start: 7, end: 10 } : { kind: 'records', records: [{ appended_at_ms: 5 }] }) as never;
    expect(await firstTakenAt(read, { start: 0, end: 10 }, 10, 0)).toBe(7);
  });
});

describe('progress', () => {
  it('reads back what it writes, and nothing else', () => {
    for (const watermark_us of [null, 0, 1_700_000_000_000_000])
      expect(parseProgress(formatProgress({ watermark_us }))).toEqual({ watermark_us });
    for (const other of ['', '{', '{}', '{"version":2,"watermark_us":1}', '{"version":1,"watermark_us":1.5}', 'null']) {
      expect(parseProgress(other)).toBeNull();
    }
  });
});

describe('EvidencePlaces', () => {
  const partition = { topic: 't', incarnation: 1, partition: 0 };
  /** Of two events. */
  const leaves = new Uint8Array(64).map((_, i) => 255 - i);
  const place = { offset: 0, index: 1, leaves };

  it('keeps the first place of an event, and forgets what no window reaches', () => {
    const places = new EvidencePlaces(partition);
    places.remember('acme', 'aa', { ...place, offset: 1, time_us: 10, received_ms: 100 });
    places.remember('acme', 'aa', { ...place, offset: 2, time_us: 10, received_ms: 200 });
    places.remember('globex', 'aa', { ...place, offset: 3, time_us: 20, received_ms: 300 });
    const { event_id, leaf_hash, ...rest } = places.get('acme', 'aa')?.place ?? {};
    expect(rest).toEqual({ ...partition, offset: 1, index: 1 });
    expect(Uint8Array.from(leaf_hash ?? [])).toEqual(leaves.slice(32));
    expect(Uint8Array.from(event_id ?? [])).toEqual(Uint8Array.from([0xaa]));
    expect(places.get('acme', 'aa')?.received_ms).toBe(100);
    expect(places.get('globex', 'aa')?.place.offset).toBe(3);
    places.forgetBefore(15);
    expect(places.get('acme', 'aa')).toBeNull();
    expect(places.get('globex', 'aa')?.place.offset).toBe(3);
    expect(places.size).toBe(1);
  });

  it('does what a map by both would, whoever has whose ids, within its bound', () => {
    const act = fc.record({ tenant: fc.constantFrom('acme', 'globex', ''), id: fc.nat(9_000), forget: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_000 }), fc.array(act, { maxLength: 40 }), fc.nat(300), (max, acts, burst) => {
        const places = new EvidencePlaces(partition, max);
        const naive = new Map<string, { readonly offset: number; readonly time_us: number }>();
        let offset = 0;
        const remember = (tenant: string, id: string): void => {
          const time_us = ++offset;
          places.remember(tenant, id, { ...place, offset, time_us, received_ms: 0 });
          const key = `${tenant}\n${id}`;
          if (!naive.has(key)) naive.set(key, { offset, time_us });
          if (naive.size > max) naive.delete(naive.keys().next().value as string);
        };
        for (const { tenant, id, forget } of acts) {
          for (let i = 0; i < burst; i++) remember(tenant, (id + i).toString(16).padStart(4, '0'));
          if (!forget) continue;
          const before = offset - Math.floor(burst / 3);
          places.forgetBefore(before);
          for (const [key, { time_us }] of naive) if (time_us < before) naive.delete(key);
        }
        expect(places.size).toBe(naive.size);
        for (const tenant of ['acme', 'globex', ''])
          for (let id = 0; id < 9_300; id += 7) {
            const name = id.toString(16).padStart(4, '0');
            expect(places.get(tenant, name)?.place.offset).toBe(naive.get(`${tenant}\n${name}`)?.offset);
          }
      }),
      { numRuns: 40 },
    );
  });
});

describe('the example of an alerting file', () => {
  const page = readFileSync(new URL('../../../docs/operations/detector.md', import.meta.url), 'utf8');
  const example = /```yaml\n(notifiers:[\s\S]*?)```/.exec(page)?.[1] ?? '';

  it('is taken, and names rules that are shipped', () => {
    const access = { fetch, clock_ms: () => 0, timers: { after: () => () => undefined } };
    const readFile = (path: string): string =>
      path.endsWith('soc_webhook')
        ? `whsec_${Buffer.alloc(32, 1).toString('base64')}\n`
        : path.endsWith('url')
          ? 'https://hooks.example/T0\n'
          : 'a'.repeat(32);
    const { notifiers, hygiene } = readAlerting('alerting.yml', example, { access, source: 'urn:sealtrail:test', readFile });
    expect(notifiers.map(({ name }) => name)).toEqual(['soc', 'chat', 'on-call']);
    expect(hygiene).toMatchObject({ risk: { notify_from: 30 }, inhibitions: [{ for_ms: 3_600_000 }] });
    const known = new Set(
      loadDetection({ rules: [SHIPPED_RULES], pipelines: [STORED_PIPELINE], overrides: null }).correlations.linked.map(
        ({ rule }) => rule.head.id,
      ),
    );
    const named = (hygiene.inhibitions ?? []).flatMap(({ source, target }) => [...source, ...target]).flatMap(({ values }) => values);
    expect(named.length).toBe(2);
    for (const id of named) expect(known).toContain(id);
  });
});
