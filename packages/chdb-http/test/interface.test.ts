/** The interface as any HTTP client meets it. */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { avroContainer } from './avro-container.ts';
import { frontOfFile } from './served.ts';

const front = frontOfFile({
  users: [
    { username: 'default', password: '' },
    { username: 'ledger', password: 'pässword:with colon' },
    { username: 'reader', password: 'r', settings: { readonly: '1' } },
    { username: 'analyst', password: 'a', settings: { readonly: '2' } },
  ],
});

const ask = (sql: string, settings: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${front().url}/?${new URLSearchParams(settings)}`, { method: 'POST', body: sql, ...init });
const textOf = async (sql: string, settings?: Record<string, string>): Promise<string> => (await ask(sql, settings)).text();
const send = (query: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${front().url}/?${new URLSearchParams({ query })}`, { method: 'POST', body, headers });
const asUser = (username: string, password: string): RequestInit => ({
  headers: { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
});

describe('questions', () => {
  it('stand in the URL, in the body, or begin in one and end in the other', async () => {
    expect(await textOf('SELECT 1 + 1')).toBe('2\n');
    expect(await (await fetch(`${front().url}/?query=${encodeURIComponent('SELECT 3')}`)).text()).toBe('3\n');
    expect(await (await send('SELECT 1,', '2 FORMAT CSV')).text()).toBe('1,2\n');
    expect(await (await fetch(`${front().url}/ping`)).text()).toBe('Ok.\n');
    expect(await (await fetch(`${front().url}/`)).text()).toBe('Ok.\n');
  });

  it('are answered with what a server says of them', async () => {
    const answer = await ask('SELECT number FROM numbers(3) FORMAT JSONEachRow', { query_id: 'mine' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-clickhouse-format')).toBe('JSONEachRow');
    expect(answer.headers.get('x-clickhouse-query-id')).toBe('mine');
    expect(answer.headers.get('x-clickhouse-exception-tag')).toMatch(/^[0-9a-f]{16}$/);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(answer.headers.get('keep-alive')).toBe('timeout=10');
    expect(JSON.parse(answer.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ written_rows: '0' });
    expect(await answer.text()).toBe('{"number":0}\n{"number":1}\n{"number":2}\n');
    expect((await ask('SELECT 1', { default_format: 'JSON' })).headers.get('x-clickhouse-format')).toBe('JSON');
  });

  it('take settings and parameters, whatever their text', async () => {
    expect(await textOf("SELECT getSetting('max_threads')", { max_threads: '3' })).toBe('3\n');
    for (const x of ["it's", '\\', "'; DROP TABLE x; --", 'ü 😀', '']) {
      expect(await textOf('SELECT {x:String} FORMAT JSONCompactEachRow', { param_x: x.replaceAll('\\', '\\\\') })).toBe(
        `${JSON.stringify([x])}\n`,
      );
    }
    expect(await textOf('SELECT {n:UInt8} + 1', { param_n: '4' })).toBe('5\n');
    expect((await ask('SELECT 1', { no_such_setting: '1' })).status).toBe(404);
  });

  it('leave nothing behind: the next one has neither their settings nor their database', async () => {
    await textOf('CREATE DATABASE IF NOT EXISTS d');
    expect(await textOf('SELECT currentDatabase()', { database: 'd' })).toBe('d\n');
    await textOf('SELECT 1', { max_threads: '3', database: 'd', param_x: 'y' });
    expect(await textOf('SELECT currentDatabase()')).toBe('default\n');
    expect(await textOf("SELECT getSetting('max_threads') != 3")).toBe('1\n');
    expect((await ask('SELECT {x:String}')).status).not.toBe(200);
  });

  it('may be packed, and so may their answers', async () => {
    const many = 'SELECT number FROM numbers(10000)';
    const plain = await textOf(many);
    const packed = await fetch(`${front().url}/?enable_http_compression=1`, {
      method: 'POST',
      body: gzipSync(many),
      headers: { 'Content-Encoding': 'gzip', 'Accept-Encoding': 'gzip' },
    });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toBe(plain);
    // Not without the setting, nor without the header.
    expect((await ask(many)).headers.get('content-encoding')).toBe(null);
  });
});

describe('errors', () => {
  const errors: readonly (readonly [string, Record<string, string>, number, number])[] = [
    ['SELECT * FROM no_such_table', {}, 404, 60],
    ['SELEC 1', {}, 400, 62],
    ['SELECT 1', { database: 'nope' }, 404, 81],
    ['SELECT nothing', {}, 404, 47],
    ["SELECT throwIf(1, 'boom')", {}, 500, 395],
    ['SELECT 1', { session_id: 'x' }, 501, 48],
    ['SELECT 1', { compress: '1' }, 501, 48],
    ['SELECT sleep(3) FORMAT Null', { max_execution_time: '0.1' }, 408, 159],
  ];
  for (const [sql, settings, status, code] of errors) {
    it(`${sql} ${JSON.stringify(settings)}: ${status}, code ${code}`, async () => {
      const answer = await ask(sql, settings);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('x-clickhouse-exception-code')).toBe(String(code));
      expect(await answer.text()).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: [^\\n]+ \\([A-Z_]+\\) \\(version [\\d.]+\\)\\n$`));
    });
  }

  it('of who asks: the password is compared whole, and no answer says it', async () => {
    expect(await (await ask('SELECT 1', {}, asUser('ledger', 'pässword:with colon'))).text()).toBe('1\n');
    for (const [name, password] of [
      ['ledger', ''],
      ['ledger', 'pässword'],
      ['nobody', 'x'],
    ] as const) {
      const answer = await ask('SELECT 1', {}, asUser(name, password));
      expect(answer.status).toBe(403);
      expect(answer.headers.get('x-clickhouse-exception-code')).toBe('516');
      expect(await answer.text()).not.toContain('colon');
    }
    expect(await textOf('SELECT 1', { user: 'ledger', password: 'pässword:with colon' })).toBe('1\n');
  });

  it('of who may not: GET reads only, and so do users whose profile says so', async () => {
    const create = 'CREATE TABLE t (a UInt8) ENGINE = Memory';
    expect((await fetch(`${front().url}/?query=${encodeURIComponent(create)}`)).headers.get('x-clickhouse-exception-code')).toBe('164');
    expect((await ask(create, {}, asUser('reader', 'r'))).headers.get('x-clickhouse-exception-code')).toBe('164');
    expect((await ask('SELECT 1', { max_threads: '1' }, asUser('reader', 'r'))).headers.get('x-clickhouse-exception-code')).toBe('164');
    expect(await (await ask('SELECT 1', { max_threads: '1' }, asUser('analyst', 'a'))).text()).toBe('1\n');
    expect((await ask('SELECT 1', { readonly: '1' }, asUser('analyst', 'a'))).headers.get('x-clickhouse-exception-code')).toBe('164');
  });

  it('midway: the marker with its tag, and a connection that breaks', async () => {
    const answer = await ask("SELECT throwIf(number = 300000, 'boom'), number FROM numbers(400000)", { max_block_size: '10000' });
    expect(answer.status).toBe(200);
    const tag = answer.headers.get('x-clickhouse-exception-tag');
    const chunks: Buffer[] = [];
    await expect(
      (async () => {
        for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) chunks.push(Buffer.from(chunk));
      })(),
    ).rejects.toThrow();
    const text = Buffer.concat(chunks).toString();
    const [, message = '', length] =
      new RegExp(`\\r\\n__exception__\\r\\n${tag}\\r\\n([\\s\\S]+?\\n)(\\d+) ${tag}\\r\\n__exception__\\r\\n$`).exec(text) ?? [];
    expect(message).toMatch(/^Code: 395\. DB::Exception: boom/);
    expect(Number(length)).toBe(Buffer.byteLength(message));
    // What was sent of it is not in the next answer.
    expect(await textOf('SELECT 7')).toBe('7\n');
    const waited = await ask("SELECT throwIf(number = 300000, 'boom'), number FROM numbers(400000)", { wait_end_of_query: '1' });
    expect(waited.status).toBe(500);
  });
});

describe('inserts', () => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
  const table = async (name: string): Promise<void> => {
    await textOf('CREATE DATABASE IF NOT EXISTS d');
    await textOf(`CREATE OR REPLACE TABLE d.${name} (a Int64, b String) ENGINE = MergeTree ORDER BY a`);
  };
  const rowsOf = (name: string): Promise<string> => textOf(`SELECT a, lower(hex(b)) FROM d.${name} ORDER BY a FORMAT TSV`);

  it('take their data from the body, as text or as Avro with every byte, packed or not', async () => {
    await table('t');
    await send('INSERT INTO d.t (a, b) FORMAT JSONEachRow', '{"a":1,"b":"x"}\n{"a":2,"b":"\\n"}\n');
    await send('INSERT INTO d.t (a, b) VALUES', "(3, 'it''s'), (4, 'FORMAT')");
    await textOf("INSERT INTO d.t VALUES (5, 'FORMAT CSV')");
    const container = avroContainer([[[6, everyByte]], [[7, everyByte.subarray(128)]]]);
    const answer = await send('INSERT INTO d.t (a, b) SETTINGS async_insert = 0 FORMAT Avro', container);
    expect(JSON.parse(answer.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ written_rows: '2' });
    const packed = gzipSync(avroContainer([[[8, everyByte]]]));
    await send("INSERT INTO d.t (a, b) SELECT a + 1, b FROM input('a Int64, b String') SETTINGS max_threads = 1 FORMAT Avro", packed, {
      'Content-Encoding': 'gzip',
    });
    const hex = Buffer.from(everyByte).toString('hex');
    expect((await rowsOf('t')).trim().split('\n')).toEqual([
      '1\t78',
      '2\t0a',
      '3\t69742773'.replace('69742773', Buffer.from("it's").toString('hex')),
      `4\t${Buffer.from('FORMAT').toString('hex')}`,
      `5\t${Buffer.from('FORMAT CSV').toString('hex')}`,
      `6\t${hex}`,
      `7\t${hex.slice(256)}`,
      `9\t${hex}`,
    ]);
  });

  it('a container that ends early leaves no row, be it the file or the connection that does', async () => {
    await table('cut');
    const container = avroContainer([[[1, 'x'.repeat(2_000)]]]);
    for (const length of [container.length - 1, container.length - 20, 200]) {
      const answer = await send('INSERT INTO d.cut (a, b) FORMAT Avro', container.subarray(0, length));
      expect(answer.status, `${length} bytes`).not.toBe(200);
    }
    const { port } = new URL(front().url);
    const path = `/?${new URLSearchParams({ query: 'INSERT INTO d.cut (a, b) FORMAT Avro' })}`;
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
        // The chunk is whole, and so is the container: only the end of the body is missing.
        socket.write(`${container.length.toString(16)}\r\n`);
        socket.write(container);
        socket.write('\r\n', () => socket.destroy());
      });
      socket.once('close', () => resolve());
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await rowsOf('cut')).toBe('');
  });
});
