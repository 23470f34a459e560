/** The unmodified client against the front: what it must understand, and what it is made to meet. */
import { Readable } from 'node:stream';
import { type ClickHouseClientConfigOptions, ClickHouseError, createClient } from '@clickhouse/client';
import { describe, expect, it } from 'vitest';
import { avroContainer } from './avro-container.ts';
import { frontOfFile } from './served.ts';

const front = frontOfFile();

async function withClient<T>(
  use: (client: ReturnType<typeof createClient>) => Promise<T>,
  options: ClickHouseClientConfigOptions = {},
): Promise<T> {
  const client = createClient({ url: front().url, log: { level: 127 }, ...options });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

describe('the client', () => {
  it('asks and inserts as it does of a server, packed both ways or not', async () => {
    for (const packed of [false, true]) {
      await withClient(
        async (client) => {
          expect(await client.ping()).toEqual({ success: true });
          await client.command({ query: 'CREATE OR REPLACE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a' });
          await client.insert({ table: 't', values: [{ a: 1, b: "it's ü" }], format: 'JSONEachRow' });
          const { summary } = await client.exec({
            query: "INSERT INTO t (a, b) SELECT a, b FROM input('a Int64, b String') FORMAT Avro",
            values: Readable.from([avroContainer([[[2, Uint8Array.of(0, 255, 10)]]])]),
          });
          expect(summary?.written_rows).toBe('1');
          const answer = await client.query({
            query: 'SELECT a, hex(b) AS h FROM t WHERE a > {min:Int64} ORDER BY a',
            query_params: { min: 0 },
            format: 'JSONEachRow',
          });
          expect(await answer.json()).toEqual([
            { a: 1, h: Buffer.from("it's ü").toString('hex').toUpperCase() },
            { a: 2, h: '00FF0A' },
          ]);
        },
        { compression: { request: packed, response: packed } },
      );
      expect(front().seen().at(-1)?.packs_answer).toBe(packed);
    }
    expect(
      front()
        .seen()
        .filter(({ body_encoding }) => body_encoding === 'gzip').length,
    ).toBeGreaterThan(0);
  });

  it('takes an exception for what it is, at the start and midway', async () => {
    await withClient(async (client) => {
      await expect(client.command({ query: 'SELECT nothing' })).rejects.toMatchObject({ code: '47', type: 'UNKNOWN_IDENTIFIER' });
      const answer = await client.query({
        query: "SELECT throwIf(number = 300000, 'boom') AS a, number FROM numbers(400000)",
        format: 'JSONEachRow',
        clickhouse_settings: { max_block_size: '10000' },
      });
      await expect(answer.json()).rejects.toThrow('boom');
    });
    await withClient((client) => expect(client.command({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' }), {
      password: 'wrong',
    });
  });
});

describe('on command', () => {
  const count = (client: ReturnType<typeof createClient>): Promise<unknown> =>
    client.query({ query: 'SELECT count() FROM f', format: 'JSONCompactEachRow' }).then((answer) => answer.json());
  const insert = (client: ReturnType<typeof createClient>): Promise<unknown> => client.command({ query: 'INSERT INTO f VALUES (1)' });
  const emptied = (client: ReturnType<typeof createClient>): Promise<unknown> =>
    client.command({ query: 'CREATE OR REPLACE TABLE f (a Int64) ENGINE = MergeTree ORDER BY a' });

  it('a connection is cut before or after the statement took effect', async () => {
    await withClient(async (client) => {
      await emptied(client);
      front().fault({ kind: 'cut_before' }, { matching: /INSERT/ });
      await expect(insert(client)).rejects.toThrow(/hang up|ECONNRESET/);
      expect(await count(client)).toEqual([[0]]);
      front().fault({ kind: 'cut_after' }, { matching: /INSERT/ });
      await expect(insert(client)).rejects.toThrow(/hang up|ECONNRESET/);
      expect(await count(client)).toEqual([[1]]);
    });
  });

  it('an answer never comes, slowly, or from somebody else', async () => {
    await withClient(
      async (client) => {
        await emptied(client);
        front().fault({ kind: 'hang' }, { matching: /INSERT/ });
        await expect(insert(client)).rejects.toThrow('Timeout');
        front().fault({ kind: 'hang_after' }, { matching: /INSERT/ });
        await expect(insert(client)).rejects.toThrow('Timeout');
        expect(await count(client)).toEqual([[1]]);
        front().fault({ kind: 'slow', delay_ms: 50 });
        expect(await count(client)).toEqual([[1]]);
        front().fault({ kind: 'status', status: 503, body: '<html>busy</html>' });
        await expect(count(client)).rejects.not.toBeInstanceOf(ClickHouseError);
        front().fault({ kind: 'exception', code: 252, type: 'TOO_MANY_PARTS', message: 'Too many parts' });
        await expect(insert(client)).rejects.toMatchObject({ code: '252', type: 'TOO_MANY_PARTS' });
      },
      { request_timeout: 300 },
    );
  });

  it('connections are refused, and taken again at the same address', async () => {
    await withClient(emptied);
    await front().refuse();
    // A client without a connection from before: on one of those it may also learn that it was reset.
    await withClient(async (client) => {
      await expect(count(client)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await front().accept();
      expect(await count(client)).toEqual([[0]]);
    });
  });

  it('an answer breaks off midway, with the exception or without', async () => {
    const many = { query: 'SELECT number FROM numbers(100000)', format: 'JSONEachRow' as const };
    await withClient(async (client) => {
      front().fault({ kind: 'error_midway', after_bytes: 70_000 });
      await expect(client.query(many).then((answer) => answer.json())).rejects.toThrow('Memory limit exceeded');
      front().fault({ kind: 'cut_midway', after_bytes: 70_000 });
      await expect(client.query(many).then((answer) => answer.text())).rejects.toThrow('aborted');
      front().fault({ kind: 'drip', bytes: 50_000, every_ms: 1 });
      expect(((await client.query(many).then((answer) => answer.json())) as unknown[]).length).toBe(100_000);
    });
  });
});
