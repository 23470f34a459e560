import { type AlertRecord, alertCodec } from '@sealtrail/wire';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const run = (size: number, from: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (from + i) & 0xff);

const EMPTY: AlertRecord = {
  id: new Uint8Array(16),
  rule_id: '',
  rule_version: new Uint8Array(32),
  rule_title: '',
  level: 'INFORMATIONAL',
  tags: [],
  tenant: '',
  group: new Map(),
  first_seen: 0,
  last_seen: 0,
  raised_at: 0,
  anchor_event_id: new Uint8Array(16),
  value: null,
  late: false,
  events_count: 0,
  evidence: [],
};
const FULL: AlertRecord = {
  id: run(16, 0x10),
  rule_id: '5f2b1f0a-6c1e-4f43-9a6b-2f0f6f0d9f11',
  rule_version: run(32, 0x20),
  rule_title: 'Failures, then a success',
  level: 'HIGH',
  tags: ['attack.t1110', 'attack.t1078.004'],
  tenant: 'acme',
  group: new Map([
    ['source_ip', '192.0.2.7'],
    ['actor_id', 'alice@example.com'],
  ]),
  first_seen: 1_735_689_600_123_456,
  last_seen: 1_735_689_660_000_001,
  raised_at: 1_735_689_660_250,
  anchor_event_id: run(16, 0x40),
  value: 10.5,
  late: true,
  events_count: 1_200,
  evidence: [
    { event_id: run(16, 0x50), topic: 'audit.events', incarnation: 1, partition: 0, offset: 7, index: 0, leaf_hash: run(32, 0x60) },
    { event_id: run(16, 0x40), topic: 'audit.events', incarnation: 1, partition: 0, offset: 9, index: 3, leaf_hash: run(32, 0x80) },
  ],
};
const LAST: AlertRecord = {
  ...EMPTY,
  level: 'CRITICAL',
  first_seen: 7_258_118_399_999_999,
  last_seen: 7_258_118_399_999_999,
  raised_at: 7_258_118_399_999,
  value: -Number.MAX_VALUE,
  events_count: Number.MAX_SAFE_INTEGER - 1,
};

/** docs/spec/vectors/alert.json */
export const alertVectors = (toJson: (value: unknown) => unknown): unknown => ({
  comment: 'docs/spec/alert.md. Bytes are hexadecimal; group is pairs in the order of the encoding; record is a record of the topic.',
  alerts: (
    [
      ['everything empty', EMPTY],
      ['everything there', FULL],
      ['the largest numbers', LAST],
    ] as const
  ).map(([name, alert]) => ({
    name,
    value: toJson(alert),
    bytes: hex(alertCodec().encode(alert)),
    record: hex(alertCodec().encodeFramed(alert)),
  })),
});
