import { afterEach, describe, expect, it } from 'vitest';
import { type CheckResult, createHealth, createMetrics, type OperationsServer, startOperationsServer, startTimer } from '../src/index.ts';

const servers: OperationsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function fixture() {
  const health = createHealth({ check_timeout_ms: 50, startTimer });
  const metrics = createMetrics({ process_metrics: false });
  const server = await startOperationsServer({ host: '127.0.0.1', port: 0, health, metrics });
  servers.push(server);
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };
  return { health, metrics, server, get };
}

describe('createHealth', () => {
  it('tells liveness and readiness apart', async () => {
    const { health } = await fixture();
    let log: CheckResult = { kind: 'ok' };
    health.add({ name: 'loop', probe: 'live', check: () => ({ kind: 'ok' }) });
    health.add({ name: 'event_log', probe: 'ready', check: () => log });
    expect(await health.ready()).toEqual({
      ok: true,
      checks: [
        { name: 'loop', result: { kind: 'ok' } },
        { name: 'event_log', result: { kind: 'ok' } },
      ],
    });
    log = { kind: 'failing', reason: 'cannot be reached' };
    expect((await health.ready()).ok).toBe(false);
    expect((await health.live()).ok).toBe(true);
    expect(() => health.add({ name: 'loop', probe: 'ready', check: () => log })).toThrow('exists already');
  });

  it('takes a check that throws or does not answer for failing', async () => {
    const { health } = await fixture();
    health.add({
      name: 'throws',
      probe: 'live',
      check: () => {
        throw new RangeError('alice@example.com');
      },
    });
    health.add({ name: 'hangs', probe: 'live', check: () => new Promise(() => {}) });
    expect((await health.live()).checks.map(({ result }) => result)).toEqual([
      { kind: 'failing', reason: 'threw RangeError' },
      { kind: 'failing', reason: 'no answer within 50 ms' },
    ]);
  });
});

describe('startOperationsServer', () => {
  it('serves probes and metrics', async () => {
    const { health, metrics, get } = await fixture();
    const rounds = metrics.counter({ name: 'rounds_total', help: 'Rounds committed.', labels: ['partition'] });
    rounds.add(2, { partition: 0 });
    health.add({ name: 'event_log', probe: 'ready', check: () => ({ kind: 'failing', reason: 'cannot be reached' }) });
    expect(await get('/livez')).toMatchObject({ status: 200, body: '{"ok":true,"checks":[]}\n' });
    const ready = await get('/readyz?verbose');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.body)).toEqual({
      ok: false,
      checks: [{ name: 'event_log', result: { kind: 'failing', reason: 'cannot be reached' } }],
    });
    const scraped = await get('/metrics');
    expect(scraped.type).toContain('text/plain');
    expect(scraped.body).toContain('sealtrail_rounds_total{partition="0"} 2');
    expect((await get('/nothing')).status).toBe(404);
    expect((await get('/livez', 'POST')).status).toBe(405);
    expect(await get('/livez', 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('answers 500 when the metrics cannot be rendered', async () => {
    const health = createHealth({ check_timeout_ms: 50, startTimer });
    const metrics = { ...createMetrics({ process_metrics: false }), render: () => Promise.reject(new Error('no')) };
    const server = await startOperationsServer({ host: '127.0.0.1', port: 0, health, metrics });
    servers.push(server);
    expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(500);
  });

  it('says so when the port is taken', async () => {
    const { server, health, metrics } = await fixture();
    await expect(startOperationsServer({ host: '127.0.0.1', port: server.port, health, metrics })).rejects.toMatchObject({
      code: 'address_in_use',
    });
  });
});

describe('createMetrics', () => {
  it('prefixes every metric, those of the process too', async () => {
    const metrics = createMetrics({ process_metrics: true });
    metrics.gauge({ name: 'lag_records', help: 'Records behind the end of the log.' }).set(7);
    metrics.histogram({ name: 'round_seconds', help: 'Time of a round.', buckets: [0.1, 1] }).observe(0.5);
    const { body } = await metrics.render();
    expect(body).toContain('sealtrail_lag_records 7');
    expect(body).toContain('sealtrail_round_seconds_bucket{le="1"} 1');
    expect(body).toContain('sealtrail_nodejs_eventloop_lag_seconds');
    const names = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(names.filter((line) => !line.startsWith('sealtrail_'))).toEqual([]);
  });

  it('refuses labels that could name a tenant or a person, and names without a unit', () => {
    const metrics = createMetrics({ process_metrics: false });
    for (const label of ['tenant', 'actor', 'actor_id', 'producer', 'source_ip']) {
      expect(() => metrics.counter({ name: 'x_total', help: 'x', labels: [label as 'code'] })).toThrow('known labels');
    }
    expect(() => metrics.counter({ name: 'rounds', help: 'x' })).toThrow('_total');
    expect(() => metrics.gauge({ name: 'lag', help: 'x' })).toThrow('_seconds');
  });

  it('bounds how many values a label takes', async () => {
    const metrics = createMetrics({ process_metrics: false });
    const errors = metrics.counter({ name: 'errors_total', help: 'x', labels: ['code'] });
    for (let i = 0; i < 1_000; i++) errors.add(1, { code: `code_${i}` });
    const { body } = await metrics.render();
    expect(body.match(/^sealtrail_errors_total\{/gm)).toHaveLength(257);
    expect(body).toContain('sealtrail_errors_total{code="other"} 744');
  });
});
