/**
 * Sends hits of many different keys through one correlator and prints what they cost. Not a test: it takes minutes.
 *
 *     node scripts/run.mjs packages/detection/test/correlation/distinct-keys.ts [type] [keys] [keys_per_tenant_max] [hits a key]
 */
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { eventOf, load, sha256 } from './fixtures.ts';

const [type = 'event_count', keysText = '1000000', limitText = keysText, hitsText = '1'] = process.argv.slice(2);
const keys = Number(keysText);
const hits = Number(hitsText);
const conditions: Record<string, string> = {
  event_count: ', condition: { gte: 10 }',
  value_count: ', condition: { gte: 10, field: v }',
  value_sum: ', condition: { gte: 1000000, field: v }',
};
const rules = type.startsWith('temporal') ? '[r, s]' : '[r]';
const loaded = load(
  `id: r\n---\nid: s\n---\nid: c\ncorrelation: { type: ${type}, rules: ${rules}, group-by: [u], timespan: 1h${conditions[type] ?? ''} }\n`,
);
const [rule] = loaded.rules;
if (rule === undefined || loaded.refused.length > 0) throw new Error(loaded.refused.join('\n'));
const correlator = createCorrelator(loaded, {
  sha256,
  keys_per_tenant_max: Number(limitText),
  hits_per_tenant_max: Number.MAX_SAFE_INTEGER,
});

globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const cpu = process.cpuUsage();
let rss_max = 0;
for (let i = 0; i < keys * hits; i++) {
  // All within one window.
  const time_us = 1_700_000_000_000_000 + Math.floor((i * 3_000_000_000) / (keys * hits));
  const event = eventOf({ id: `audit/0/${i}`, tenant: 'acme', time_us, rules: ['r'], fields: { u: `user-${i % keys}`, v: i % 13 } });
  correlator.evaluate(event, [{ rule, event }]);
  if (i % 100_000 === 0) rss_max = Math.max(rss_max, process.memoryUsage().rss);
}
const { user, system } = process.cpuUsage(cpu);
const stats = correlator.stats();
globalThis.gc?.();
const bytes = process.memoryUsage().heapUsed - before;
console.log({
  type,
  keys: stats.keys,
  hits: stats.hits,
  evicted: stats.evicted.get('acme')?.get('c') ?? 0,
  // Without --expose-gc this holds garbage too.
  heap_bytes_per_key: Math.round(bytes / stats.keys),
  rss_max_mb: Math.round(rss_max / 1e6),
  cpu_us_per_hit: Number(((user + system) / (keys * hits)).toFixed(2)),
});
