/** Runs one statement on a connection of its own, and sends its answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { containerRows } from './container-rows.ts';
import { exceptionOf, ServerException } from './exceptions.ts';
import type { HttpFault } from './faults.ts';
import type { Reply, Summary } from './reply.ts';
import type { QueryRequest } from './request.ts';
import type { Connection, Sessions } from './sessions.ts';
import { insertFromFile, quoted, type Statement } from './statement.ts';

export interface Run extends Statement {
  readonly asked: QueryRequest;
  /** Settings that the user's requests begin with. */
  readonly profile: Readonly<Record<string, string>>;
  /** File with the data of an INSERT. */
  readonly data: string | null;
}

/** Formats whose chunks follow each other; the others begin anew in each chunk that the engine gives. */
const STREAMED: ReadonlySet<string> = new Set(
  'TabSeparated,TSV,TabSeparatedRaw,TSVRaw,JSONEachRow,JSONCompactEachRow,RowBinary,CSV,LineAsString'.split(','),
);
const CHUNK_BYTES = 65_536;
const MEMORY_LIMIT_EXCEEDED = 241;
const NONE: Summary = { read_rows: 0, written_rows: 0, result_bytes: 0 };

/** Throws what the engine throws, as long as nothing was sent. */
export async function runStatement(sessions: Sessions, run: Run, reply: Reply, fault: HttpFault | null): Promise<void> {
  await sessions
    .withConnection(async (connection) => {
      await prepare(connection, run);
      const format = run.is_insert ? 'TabSeparated' : (run.format ?? run.asked.default_format);
      const out = sender(reply, format, fault);
      if (run.is_select && STREAMED.has(format) && !run.asked.waits_for_end) return streamAnswer(connection, run, format, out);
      const sql = run.data === null ? run.sql : insertFromFile(run.sql, run.format as string, run.data);
      const { bytes, rows_read } = await connection.run(sql, format);
      const written = run.data === null || run.format !== 'Avro' ? rows_read : ((await containerRows(run.data)) ?? 0);
      const summary = run.is_insert
        ? { ...NONE, written_rows: written }
        : { read_rows: rows_read, written_rows: 0, result_bytes: bytes.length };
      // Nothing else is left to do: the connection may go.
      return () => out.whole(bytes, summary);
    })
    .then((rest) => rest?.());
}

/** What comes before the statement: in an order in which a profile's readonly refuses the request's own settings. */
async function prepare(connection: Connection, { asked, profile }: Run): Promise<void> {
  if (asked.parameters.size > 0) {
    await connection.run(`SET ${[...asked.parameters].map(([name, value]) => `param_${name} = ${quoted(value)}`).join(', ')}`);
  }
  if (asked.database !== '') await connection.run(`USE \`${asked.database.replace(/[\\`]/g, (character) => `\\${character}`)}\``);
  for (const settings of [Object.entries(profile), [...asked.settings]]) {
    if (settings.length > 0) await connection.run(`SET ${settings.map(([name, value]) => `${name} = ${quoted(value)}`).join(', ')}`);
  }
}

async function streamAnswer(connection: Connection, { sql }: Run, format: string, out: Sender): Promise<undefined> {
  try {
    for await (const chunk of connection.stream(sql, format)) await out.part(chunk);
    await out.end();
  } catch (error) {
    await out.fail(exceptionOf(error));
  }
}

interface Sender {
  whole(bytes: Uint8Array, summary: Summary): Promise<void>;
  part(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  fail(exception: ServerException): Promise<void>;
}

function sender(reply: Reply, format: string, fault: HttpFault | null): Sender {
  const isKept = fault?.kind === 'cut_after' || fault?.kind === 'hang_after';
  let ended = false;
  const begin = (summary: Summary): void => {
    if (!reply.begun) reply.begin(format, summary);
  };
  const breakOff = async (): Promise<void> => {
    if (fault?.kind === 'cut_midway') await reply.cut();
    else if (fault?.kind === 'error_midway') {
      await reply.fail(new ServerException(MEMORY_LIMIT_EXCEEDED, 'MEMORY_LIMIT_EXCEEDED', 'Memory limit exceeded'), fault.keeps_framing);
    }
    ended = true;
  };
  const limit = fault?.kind === 'cut_midway' || fault?.kind === 'error_midway' ? fault.after_bytes : Number.POSITIVE_INFINITY;
  const step = fault?.kind === 'drip' ? fault.bytes : CHUNK_BYTES;
  const part = async (bytes: Uint8Array): Promise<void> => {
    if (isKept || ended) return;
    begin(NONE);
    for (let at = 0; at < bytes.length; at += step) {
      const chunk = bytes.subarray(at, Math.min(at + step, at + limit - reply.sent));
      if (chunk.length > 0) await reply.write(chunk);
      if (reply.sent >= limit) return breakOff();
      if (fault?.kind === 'drip') await sleep(fault.every_ms);
    }
  };
  const end = async (): Promise<void> => {
    if (isKept || ended) return;
    begin(NONE);
    if (limit === Number.POSITIVE_INFINITY) await reply.end();
    // A short answer is broken off where it would have ended.
    else await breakOff();
  };
  return {
    async whole(bytes, summary) {
      if (isKept) return;
      begin(summary);
      await part(bytes);
      await end();
    },
    part,
    end,
    async fail(exception) {
      if (!isKept && !ended) await reply.fail(exception);
    },
  };
}
