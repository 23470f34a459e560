/** What ClickHouse does otherwise than one would think, each as a test that fails when it is met again. */
import { commitRow, createSampleLedger, sampleEvent, seededBytes, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { bytesLiteral, fixedLiteral, textLiteral } from '@sealtrail/ledger-store/sql';
import type { AuditEvent } from '@sealtrail/wire';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsOf, storeOfFile, valueOf } from './temporary.ts';

const storeNow = storeOfFile();
const claim = new Uint8Array(16).fill(7);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Zigzag varint by BigInt: another way than the SQL goes. */
function varint(value: bigint): string {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return hex(Uint8Array.from(bytes));
}

let topics = 0;
/** Stores an event and gives back what its columns are. */
async function stores(change: Partial<AuditEvent>): Promise<{ topic: string; rows: Record<string, unknown>[] }> {
  const topic = `trap-${topics++}`;
  const ledger = createSampleLedger({ partition: { topic } });
  const event = { ...sampleEvent(seededBytes(topic)), ...change };
  const round = ledger.round({ tenant: 'acme', events: [event] });
  expect(round.rejected).toEqual([]);
  await storeRows(storeNow(), ledger.key, claim, round);
  await stored(storeNow().insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
  const [entry] = await rowsOf(storeNow().entries({ partition: ledger.key }));
  const { first_event, ends, record } = (round.batches[0] as (typeof round.batches)[0]).batch;
  expect(hex(entry?.bytes ?? new Uint8Array(0))).toBe(hex(record.subarray(first_event, ends[2])));
  const { rows } = await storeNow().select(`SELECT * FROM entries WHERE topic = '${topic}'`);
  return { topic, rows: [...rows] };
}

describe('numbers in SQL', () => {
  it('become the shortest varint, whatever their size and sign', async () => {
    const near = [0n, 63n, 64n, 8191n, 8192n, 1n << 20n, 1n << 27n, 1n << 34n, 1n << 41n, 1n << 48n, 1n << 53n, 1n << 55n, 1n << 62n];
    const some = fc.sample(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), { numRuns: 300, seed: 1 });
    const values = [...near.flatMap((n) => [n - 1n, n, -n, -n - 1n]), ...some, -(1n << 63n), (1n << 63n) - 1n];
    const { rows } = await storeNow().select(
      `SELECT lower(hex(sealtrail_long(toInt64(arrayJoin([${values.map((n) => `'${n}'`).join(', ')}]))))) AS bytes`,
    );
    expect(rows.map(({ bytes }) => bytes)).toEqual(values.map(varint));
  });

  it('of lengths need one, two and three bytes', async () => {
    for (const length of [0, 63, 64, 8191, 8192, 32_768]) {
      expect(await valueOf(storeNow(), `SELECT lower(hex(sealtrail_length(${length})))`)).toBe(varint(BigInt(length)));
    }
  });

  it('keep their sign and width: an http_status of an int wraps nowhere', async () => {
    for (const http_status of [-2_147_483_648, -1, 0, 65_536, 2_147_483_647]) {
      expect((await stores({ http_status, redactions: http_status })).rows[0]).toMatchObject({ http_status, redactions: http_status });
    }
  });
});

describe('null and what is empty', () => {
  it('are two things in every nullable column', async () => {
    const none = {
      actor_issuer: null,
      token_key_id: null,
      user_agent: null,
      reason: null,
      http_method: null,
      http_status: null,
      trace_id: null,
    };
    const empty = { actor_issuer: '', token_key_id: '', user_agent: '', reason: '', http_method: '', http_status: 0 };
    expect((await stores(none)).rows[0]).toMatchObject(none);
    expect((await stores({ ...empty, trace_id: new Uint8Array(16) })).rows[0]).toMatchObject({ ...empty, trace_id: '0'.repeat(32) });
  });

  it('inside a list of records too', async () => {
    const actor_chain = [
      { issuer: null, subject: '' },
      { issuer: '', subject: 'b' },
    ];
    expect((await stores({ actor_chain })).rows[0]).toMatchObject({ actor_chain });
  });

  it('lists and maps without items come back', async () => {
    const empty = { actor_roles: [], actor_scopes: [], actor_chain: [], related: [], attributes: new Map(), personal: [] };
    expect((await stores(empty)).rows[0]).toMatchObject({ ...empty, attributes: {} });
  });
});

describe('bytes', () => {
  it('that end in zeros keep them: one hash in 256 does', async () => {
    const hash = new Uint8Array(32).fill(9, 0, 30);
    const id = new Uint8Array(16).fill(1, 0, 3);
    const zeros = {
      token_id_hash: hash,
      session_id_hash: new Uint8Array(32),
      personal: [hash, new Uint8Array(32)],
      trace_id: id,
      event_id: id,
    };
    const { rows } = await stores({ ...zeros, actor_salt: id, object_salt: new Uint8Array(16), source_ip: id });
    expect(rows[0]).toMatchObject({ token_id_hash: hex(hash), personal: [hex(hash), '0'.repeat(64)], trace_id: hex(id) });
  });

  it('a UUID stands in the order in which it is written', async () => {
    const event_id = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    expect((await stores({ event_id })).rows[0]).toMatchObject({ event_id: '01020304-0506-0708-090a-0b0c0d0e0f10' });
  });

  it('an IPv4 address is the mapped one, and can be looked up as such', async () => {
    const source_ip = Uint8Array.from([...Array(10).fill(0), 255, 255, 192, 0, 2, 1]);
    const { topic, rows } = await stores({ source_ip });
    expect(rows[0]).toMatchObject({ source_ip: '::ffff:192.0.2.1' });
    expect(await valueOf(storeNow(), `SELECT count() FROM audit_events WHERE topic = '${topic}' AND source_ip = toIPv6('192.0.2.1')`)).toBe(
      1,
    );
  });
});

describe('text', () => {
  it('may hold NUL, quotes, backslashes, four-byte characters, a byte order mark', async () => {
    for (const text of [
      '\0',
      'a\0b\0',
      "it's",
      '\\N',
      '\\',
      '"',
      '😀',
      '\ufeffx',
      '\u{10ffff}',
      '\t\n',
      '{a}',
      '%s',
      '</script>',
      'e\u0301',
    ]) {
      const attributes = new Map([[text, text]]);
      const event = {
        action: text,
        actor_id: text,
        user_agent: text,
        actor_roles: [text, ''],
        related: [{ type: text, id: text }],
        attributes,
      };
      expect((await stores(event)).rows[0]).toMatchObject({ ...event, attributes: { [text]: text } });
    }
  });

  it('of all lengths at which a length takes one more byte', async () => {
    for (const length of [63, 64, 8191, 8192]) {
      const text = 'é'.repeat(Math.floor(length / 2)) + 'x'.repeat(length % 2);
      expect((await stores({ actor_id: text, reason: text, attributes: new Map() })).rows[0]).toMatchObject({
        actor_id: text,
        reason: text,
      });
    }
  });

  it('map keys keep the order of their bytes, which is not that of JavaScript', async () => {
    const attributes = new Map([
      ['\u{1f600}', '1'],
      ['\uffff', '2'],
      ['a', '3'],
      ['', '4'],
    ]);
    const { topic } = await stores({ attributes });
    expect(await valueOf(storeNow(), `SELECT mapKeys(attributes) FROM entries WHERE topic = '${topic}'`)).toEqual([
      '',
      'a',
      '\uffff',
      '\u{1f600}',
    ]);
  });
});

describe('times', () => {
  it('keep every tick at both ends of their range', async () => {
    for (const occurred_at of [0, 1, 999_999, 7_258_118_399_999_999]) {
      const token_issued_at = Math.floor(occurred_at / 1000);
      const [row] = (await stores({ occurred_at, token_issued_at, token_expires_at: token_issued_at })).rows;
      const iso = new Date(token_issued_at).toISOString();
      expect(row).toMatchObject({ token_issued_at: iso, occurred_at: iso.replace('Z', `${String(occurred_at % 1000).padStart(3, '0')}Z`) });
    }
  });
});

describe('statements', () => {
  it('literals of texts and bytes cannot end early', async () => {
    const texts = ["'", "\\'", "'); DROP TABLE entries; --", '\0', '${x}', '😀'];
    for (const text of texts) expect(await valueOf(storeNow(), `SELECT ${textLiteral(text)}`)).toBe(text);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(await valueOf(storeNow(), `SELECT lower(hex(${bytesLiteral(bytes)}))`)).toBe(hex(bytes));
    expect(await valueOf(storeNow(), `SELECT ${fixedLiteral(new Uint8Array(4))}`)).toBe('00000000');
  });

  it('names from outside are values: injection finds nothing and changes nothing', async () => {
    const { topic } = await stores({});
    const key = { topic, incarnation: 1, partition: 0 };
    for (const evil of ["' OR 1 = 1 --", "acme' OR '1' = '1", '\\', "'; DROP TABLE sealtrail.entries; --", 'unhex(', '\0acme']) {
      expect(await rowsOf(storeNow().entries({ partition: key, tenant: evil }))).toEqual([]);
      expect(await rowsOf(storeNow().manifests({ partition: { ...key, topic: evil } }))).toEqual([]);
      expect(await storeNow().head(key, evil)).toBe(null);
      expect(await storeNow().sequences(key, evil)).toEqual([]);
      expect(await rowsOf(storeNow().checkpoints(evil))).toEqual([]);
      const header = { tenant: 'acme', producer: evil, instance: claim, delivery: 'ROUTINE' as const, sequence: 0 };
      expect(await storeNow().sealedHeader(key, header)).toBe(null);
      expect(await storeNow().sealedHeader(key, { ...header, producer: 'billing', tenant: evil })).toBe(null);
    }
    expect((await rowsOf(storeNow().entries({ partition: key, tenant: 'acme' }))).length).toBe(1);
  });
});
