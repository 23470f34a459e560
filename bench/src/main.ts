/**
 * npm run bench [-- --smoke] [-- --only NAME]: each benchmark in a process of its own, one after the other, beside what a
 * user would do instead. Prints a table and writes bench/results/results.json. `servers` needs Java and
 * Maven, for a Kafka broker.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { DetectionFigures } from './detection.ts';
import { SERVICE_NODE_FLAGS, SOURCE_NODE_FLAGS } from './node-flags.ts';

interface Benchmark {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Its own process is the service that is measured: Node runs as services run it. */
  readonly isService?: boolean;
  /** What to read from its result, for people; the aim stands beside it where there is one. */
  readonly show: (result: Result) => readonly (readonly [string, string])[];
}
type Result = Readonly<Record<string, unknown>>;

const of = (result: Result, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Result | undefined)?.[name], result);
const us = (value: unknown): string => `${String(value)} µs`;
const n = (value: unknown): string => Number(value).toLocaleString('en-US');

/** A figure of a stage, with the JSON consumer's beside it. */
const both = (result: Result, name: string, show: (value: unknown) => string): string =>
  `${show(of(result, 'stages', 'ledger', name))} (${show(of(result, 'stages', 'json', name))})`;

interface MemorySample {
  readonly kept_mb: number;
}
/** How far the ledger's memory strays from its mean, in percent, once it is warm and while there is more to come. */
function drift(result: Result): string {
  const kept = (result['ledger_memory'] as readonly MemorySample[]).slice(2, -1).map(({ kept_mb }) => kept_mb);
  if (kept.length === 0) return '–';
  const mean = kept.reduce((sum, one) => sum + one, 0) / kept.length;
  return `±${(Math.max(...kept.map((one) => Math.abs(one - mean) / mean)) * 100).toFixed(1)}% around ${mean.toFixed(0)} MB`;
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'emitter',
    file: 'emitter.ts',
    args: [],
    show: (r) => [
      ['CPU an event, token cache warm (aim: at most 10 µs)', us(r['emitter_net_us_per_event'])],
      ['  with what the benchmark spends on making the events', us(r['emitter_us_per_event'])],
      ['  a plain JSON line, with that too', us(r['json_line_us_per_event'])],
      ['a token that is seen for the first time', us(r['token_cache_miss_us'])],
    ],
  },
  {
    name: 'ledger',
    file: 'ledger.ts',
    args: ['1', '2000000'],
    isService: true,
    show: (r) => [
      ['CPU an event, engine not counted (aim: at most 6 µs)', us(r['ledger_us_per_event'])],
      ['CPU an event of the engine', us(r['engine_us_per_event'])],
      ['sealed and stored, events/s', n(r['events_per_s'])],
      ['memory that the ledger keeps over 2 million events (aim: flat within 10%)', drift(r)],
      ['bytes an event in the log, and on disk', `${String(r['log_bytes_per_event'])}, ${String(r['store_bytes_per_event'])}`],
    ],
  },
  {
    name: 'ledger, 1,000 tenants',
    file: 'ledger.ts',
    args: ['1000', '1000000'],
    isService: true,
    show: (r) => [
      ['CPU an event, engine not counted (aim: at most 1.5 times that with one tenant)', us(r['ledger_us_per_event'])],
      ['CPU an event of the engine', us(r['engine_us_per_event'])],
    ],
  },
  {
    name: 'pipeline',
    file: 'pipeline.ts',
    args: [],
    show: (r) => [
      ['audit.log to stored, events/s', n(of(r, 'sealtrail', 'events_per_s'))],
      ['  JSON lines parsed and inserted, unverified, in the same run', n(of(r, 'json', 'events_per_s'))],
      [
        'CPU an event in the service',
        `${us(of(r, 'sealtrail', 'service_us_per_event'))} (JSON: ${us(of(r, 'json', 'service_us_per_event'))})`,
      ],
      [
        'CPU an event to seal and store',
        `${us(of(r, 'sealtrail', 'storing_us_per_event'))} (JSON: ${us(of(r, 'json', 'storing_us_per_event'))})`,
      ],
      ['ratio of throughput', `${String(r['throughput_ratio'])} times`],
    ],
  },
  {
    name: 'servers',
    file: 'servers.ts',
    args: [],
    show: (r) => [
      ['audit.log to visible through Kafka and ClickHouse over HTTP, events/s', n(of(r, 'end_to_end', 'ledger', 'events_per_s'))],
      ['  JSON parsed and inserted, unverified (aim: at least 2.5 times that)', n(of(r, 'end_to_end', 'json', 'events_per_s'))],
      ['  JSON passed through, unverified (aim: at least 1.7 times that)', n(of(r, 'end_to_end', 'json-text', 'events_per_s'))],
      ['ratios', `${String(r['ratio_to_json'])} and ${String(r['ratio_to_json_text'])} times`],
      ['saturated: produced, events/s (JSON)', both(r, 'produce_events_per_s', n)],
      ['saturated: sealed and stored, events/s (JSON)', both(r, 'store_events_per_s', n)],
      ['CPU an event: service (JSON)', both(r, 'producer_us_per_event', us)],
      ['CPU an event: ledger process (JSON consumer); aim: at most 6 µs', both(r, 'storing_us_per_event', us)],
      ['CPU an event: engine (JSON)', both(r, 'engine_us_per_event', us)],
      ['CPU an event: broker (JSON)', both(r, 'broker_us_per_event', us)],
      ['bytes an event in Kafka (JSON)', both(r, 'kafka_bytes_per_event', String)],
      ['memory of the ledger process (JSON consumer), MB', both(r, 'storing_memory_mb', String)],
      [
        'latency audit.log to visible at half load, p50 and p99 (aim: p99 under 1,500 ms)',
        `${String(of(r, 'half_load', 'ledger', 'latency_ms_p50'))} and ${String(of(r, 'half_load', 'ledger', 'latency_ms_p99'))} ms`,
      ],
      ['CPU an event of the ledger at 12 partitions (aim: at most 1.3 times)', `${String(r['ratio_12_partitions'])} times`],
    ],
  },
  {
    name: 'detection',
    file: 'detection.ts',
    args: [],
    show: (r) => {
      const { rows, records, latency } = r as unknown as DetectionFigures;
      const { replay, keys } = records;
      const spread = ({ p50_ms, p99_ms }: { readonly p50_ms: number; readonly p99_ms: number }): string => `${p50_ms} and ${p99_ms} ms`;
      return [
        ...rows.map(
          ({ what, rules, us_per_event, events_per_s }) =>
            [`${what}, ${rules} rules: CPU an event, events/s of one core`, `${us(us_per_event)}, ${n(events_per_s)}`] as const,
        ),
        [
          `signed Avro records, ${records.rules} shipped rules, the detector as it runs (aim: at least 80,000)`,
          `${us(records.detector_us_per_event)}, ${n(records.events_per_s)}`,
        ],
        ['  signature, walk and leaves alone', us(records.verify_us_per_event)],
        ['  evaluation alone, of decoded events', `${us(records.decoded_us_per_event)}, ${n(records.decoded_events_per_s)}`],
        ['a replay, events/s of one core', n(replay.events_per_s)],
        ...Object.entries(replay.seconds_by_rate).map(
          ([rate, seconds]) => [`  CPU for the longest window, ${replay.span_hours} h, at ${rate} events/s`, `${seconds} s`] as const,
        ),
        [`${n(keys.keys)} distinct keys: memory a key, CPU a hit`, `${keys.bytes_per_key} bytes, ${us(keys.us_per_hit)}`],
        ['embedded, ledger and detector in one process: saturated, events/s', n(latency.saturated_events_per_s)],
        [
          `audit.log to webhook at ${n(latency.events_per_s)} events/s, linger ${latency.linger_ms} ms: p50 and p99 (aim: p99 under 500 ms)`,
          spread(latency.single),
        ],
        [`  an alert of a correlation, with the allowance of ${latency.allowance_ms} ms`, spread(latency.correlation)],
      ];
    },
  },
];

const smoke = process.argv.includes('--smoke');
const only = process.argv[process.argv.indexOf('--only') + 1];
const chosen = process.argv.includes('--only') ? BENCHMARKS.filter(({ name }) => name.startsWith(only ?? '')) : BENCHMARKS;
if (chosen.length === 0) {
  process.stderr.write(`bench: no benchmark is called ${only}; known: ${BENCHMARKS.map(({ name }) => name).join('; ')}\n`);
  process.exit(2);
}

function run({ file, args, isService = false }: Benchmark): Promise<Result> {
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const flags = [
      '--expose-gc',
      ...(isService ? SERVICE_NODE_FLAGS : []),
      ...SOURCE_NODE_FLAGS,
      path,
      ...args,
      ...(smoke ? ['--smoke'] : []),
    ];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', smoke ? 'ignore' : 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Result);
      else reject(new Error(`${file} ended with ${code}; run it by itself: node scripts/run.mjs bench/src/${file} ${args.join(' ')}`));
    });
  });
}

const results: Record<string, Result> = {};
for (const benchmark of chosen) {
  process.stdout.write(`${benchmark.name}\n`);
  const result = await run(benchmark);
  results[benchmark.name] = result;
  for (const [what, value] of benchmark.show(result)) process.stdout.write(`  ${what.padEnd(82)} ${value}\n`);
}
if (!smoke) {
  const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model, memory_gb: Math.round(totalmem() / 1e9) };
  const folder = new URL('../results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('results.json', folder), `${JSON.stringify({ machine, results }, null, 2)}\n`);
}
