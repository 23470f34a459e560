/**
 * Detection on one core: SigmaHQ's AWS rules over CloudTrail events, and up to 3,000 rules; the shipped rules over signed Avro
 * records, in the detector as it runs; what keys and a replay cost; how long an alert takes from `audit.log` to a webhook.
 * node scripts/run.mjs bench/src/detection.ts [--smoke]
 *
 * The events and rules stand beside the clone (SEALTRAIL_TEST_DATA, else ../shared/data): test/acceptance/README.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  compile,
  createJsonFields,
  createMatcher,
  type DetectionEvent,
  loadPipelines,
  loadRules,
  type RuleFile,
} from '@sealtrail/detection';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { type LatencyFigures, measureLatency } from './detection-latency.ts';
import { measureRecords, type RecordFigures } from './detection-records.ts';
import { cpuClock, give, isSmoke, round, sized } from './measure.ts';

/** Medians of the rounds: µs of CPU an event, and the events a second that one core would do at that. */
export interface DetectionRow {
  readonly what: string;
  readonly rules: number;
  readonly us_per_event: number;
  readonly events_per_s: number;
}

export interface DetectionFigures {
  readonly events: number;
  readonly matches: number;
  readonly rows: readonly DetectionRow[];
  readonly records: RecordFigures;
  readonly latency: LatencyFigures;
}

const ROUNDS = sized(9, 1);
const ROUND_EVENTS = sized(145_000, 2_900);
const NON_MATCHING_FACTOR = sized(10, 1);
const RULE_COUNTS = isSmoke() ? [50, 200] : [50, 500, 3_000];

const root = fileURLToPath(new URL('../..', import.meta.url));
const data = process.env['SEALTRAIL_TEST_DATA'] ?? join(root, '..', 'shared', 'data');
const { digest: sha256 } = nodeSha256();

function measureCloudtrail(): Pick<DetectionFigures, 'events' | 'matches' | 'rows'> {
  if (!existsSync(join(data, 'cloudtrail.jsonl.gz'))) {
    console.error(`detection: no CloudTrail events: there is no cloudtrail.jsonl.gz in ${data}; name its folder in SEALTRAIL_TEST_DATA`);
    return { events: 0, matches: 0, rows: [] };
  }
  const lines = gunzipSync(readFileSync(join(data, 'cloudtrail.jsonl.gz')))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const json = createJsonFields();
  const events = lines.map((line) => eventOf(JSON.parse(line) as Readonly<Record<string, unknown>>, json));
  const files = readdirSync(join(data, 'sigma-aws'))
    .filter((file) => file.endsWith('.yml'))
    .map((file): RuleFile => ({ file, text: readFileSync(join(data, 'sigma-aws', file), 'utf8') }));
  const many = [...files, ...Array.from({ length: NON_MATCHING_FACTOR }, (_, i) => files.map((file) => unmatched(file, i))).flat()];

  const few = matcherOf(files);
  const crowd = matcherOf(many);
  const { engine } = compile(load(files), { sha256 });
  const matchesOf = (match: (event: DetectionEvent) => number): number => events.reduce((sum, event) => sum + match(event), 0);
  const expected = matchesOf((event) => few.matches(event).length);
  if (matchesOf((event) => crowd.matches(event).length) !== expected)
    throw new Error('detection: the rules that cannot match have matched');

  const scaled = RULE_COUNTS.flatMap((count) => {
    const matcher = matcherOf(enough(files, count));
    const { length } = matcher.rules;
    return [
      measured('match decoded events', length, events, (event) => matcher.matches(event).length),
      measured('parse JSON and match', length, lines, (line) => matcher.matches(eventOf(recordOf(line), json)).length),
    ];
  });
  const rows: readonly DetectionRow[] = [
    measured('match decoded events', few.rules.length, events, (event) => few.matches(event).length),
    measured('match decoded events beside rules that cannot match', crowd.rules.length, events, (event) => crowd.matches(event).length),
    measured('match and correlate decoded events', few.rules.length, events, (event) => engine.evaluate(event).matches.length),
    measured('parse JSON and match', few.rules.length, lines, (line) => few.matches(eventOf(recordOf(line), json)).length),
    measured('parse JSON alone', 0, lines, (line) => (JSON.parse(line) === null ? 1 : 0)),
    ...scaled,
  ];
  for (const { what, rules, us_per_event, events_per_s } of rows)
    console.error(
      `${what.padEnd(52)} ${String(rules).padStart(4)} rules  ${us_per_event.toFixed(2).padStart(6)} µs  ${events_per_s.toLocaleString('en-US')} events/s`,
    );
  return { events: events.length, matches: expected, rows };
}

const recordOf = (line: string): Readonly<Record<string, unknown>> => JSON.parse(line) as Readonly<Record<string, unknown>>;

/** The rules, and copies that cannot match, up to a number. */
const enough = (files: readonly RuleFile[], count: number): readonly RuleFile[] =>
  Array.from({ length: count }, (_, i) => {
    const file = files[i % files.length] as RuleFile;
    return i < files.length ? file : unmatched(file, Math.floor(i / files.length) - 1);
  });

const load = (files: readonly RuleFile[]) => {
  const loaded = loadRules(files, { sha256 });
  if (loaded.errors[0] !== undefined) throw loaded.errors[0];
  return loaded;
};

function matcherOf(files: readonly RuleFile[]) {
  const file = join('rules', 'pipelines', 'cloudtrail.yml');
  const { pipelines } = loadPipelines([{ file, text: readFileSync(join(root, file), 'utf8') }]);
  return createMatcher(load(files).rules, { pipelines });
}

/** A rule with another id whose names of calls, agents and users no event has. */
function unmatched({ file, text }: RuleFile, copy: number): RuleFile {
  const renamed = text
    .replace(/^id: (.*)$/m, `id: $1-${copy}`)
    .replace(/^name: .*\n/m, '')
    .replaceAll(
      /(\b(?:eventName|userAgent|userIdentity\.type|userIdentity\.arn)(?:\|\w+)*:\s*)'?([\w./+*:-]+)'?\s*$/gm,
      `$1'$2-none${copy}'`,
    )
    .replaceAll(/^( +- )'?([A-Z]\w+)'?\s*$/gm, `$1'$2-none${copy}'`);
  return { file: `${copy}/${file}`, text: renamed };
}

function eventOf(record: Readonly<Record<string, unknown>>, json: ReturnType<typeof createJsonFields>): DetectionEvent {
  return {
    id: String(record['eventID']),
    tenant: 'acme',
    time_us: Date.parse(String(record['eventTime'])) * 1_000,
    logsource: CLOUDTRAIL,
    field: (name) => json.field(record, name),
    values: () => json.values(record),
  };
}
const CLOUDTRAIL = { category: null, product: 'aws', service: 'cloudtrail' };

function measured<Item>(what: string, rules: number, items: readonly Item[], run: (item: Item) => number): DetectionRow {
  const times: number[] = [];
  let kept = 0;
  for (let i = 0; i <= ROUNDS; i++) {
    const clock = cpuClock();
    for (let done = 0; done < ROUND_EVENTS; done += items.length) for (const item of items) kept += run(item);
    const repeats = Math.ceil(ROUND_EVENTS / items.length) * items.length;
    // The first round warms up.
    if (i > 0) times.push(clock.elapsed_us() / repeats);
  }
  if (kept < 0) throw new Error('unreachable: keeps the work from being left out');
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
  return { what, rules, us_per_event: round(median), events_per_s: Math.round(1e6 / median) };
}

const cloudtrail = measureCloudtrail();
const records = await measureRecords();
const latency = await measureLatency();
give({ ...cloudtrail, records, latency } satisfies DetectionFigures);
