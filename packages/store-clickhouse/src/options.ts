/** How a ClickHouse server is reached and used. */
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { DATABASE, type SelectLimits } from '@sealtrail/ledger-store/sql';

export interface ReplicationOptions {
  /** Definitions are made ON CLUSTER with this name; on the one server when absent. */
  readonly cluster?: string;
  /** Path in Keeper; `/clickhouse/tables/{shard}/{database}/{table}` when absent. The server fills in its macros. */
  readonly path?: string;
  /** Name of the replica; `{replica}` when absent. */
  readonly replica?: string;
}

export interface TlsOptions {
  /** Certificate of the authority that signed the server's, as PEM. */
  readonly ca_cert: Uint8Array;
  /** Certificate and key of this client, as PEM: both or none. With an empty password the server knows the user by them. */
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
}

/** Time and chance, so that tests need neither. */
export interface Pacing {
  readonly now_ms: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ClickHouseStoreOptions {
  /** `http://host:8123` or `https://host:8443`, with a path where a proxy wants one; no user, password or parameters in it. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** `sealtrail` when absent. */
  readonly database?: string;
  readonly tls?: TlsOptions;
  /** The whole of a request, its answer included; 30,000 when absent. */
  readonly request_timeout_ms?: number;
  /** How long a request is tried again while the server cannot be reached or is overloaded; 10,000 when absent. */
  readonly unreachable_wait_ms?: number;
  /** Of containers on their way in and of answers; `none` when absent: packing costs more CPU than all else of an insert. */
  readonly compression?: 'none' | 'gzip';
  /** Connections at once; 10 when absent. */
  readonly connections_max?: number;
  /** How long an idle connection is used again; 2,000 when absent. Less than the server's keep_alive_timeout. */
  readonly idle_connection_ms?: number;
  /** ReplicatedMergeTree tables, quorum inserts and sequential reads; plain tables of one server when absent. */
  readonly replicated?: ReplicationOptions;
  /** The server refuses rows whose columns do not recompute to their hash; true when absent. */
  readonly check_leaves?: boolean;
  /** Makes the database when there is none; true when absent. */
  readonly create_database?: boolean;
  /** Rows of one page at most; 16,384 when absent. Pages of large rows have fewer. */
  readonly page_rows_max?: number;
  /** Limits of `select` where the caller gives none. */
  readonly select?: SelectLimits;
  /** The machine's own when absent. */
  readonly pacing?: Pacing;
}

export type Settled = Required<Omit<ClickHouseStoreOptions, 'tls' | 'replicated' | 'pacing' | 'select'>> &
  Pick<ClickHouseStoreOptions, 'tls' | 'replicated'> & {
    readonly select: SelectLimits;
    readonly pacing: Pacing;
    /** Server and database, as messages name them. */
    readonly name: string;
  };

const systemPacing: Pacing = {
  now_ms: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

const wrong = (message: string): LedgerStoreError => new LedgerStoreError('store_unavailable', message);

/** Fills in what is absent. Throws `store_unavailable` for what cannot be: its message shows no password. */
export function settle(options: ClickHouseStoreOptions): Settled {
  const database = options.database ?? DATABASE;
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(database)) {
    throw wrong('the database of the ledger store must be named with letters, digits and _ alone');
  }
  const url = parsedUrl(options.url);
  if (options.tls !== undefined && url.protocol !== 'https:') {
    throw wrong('tls of the ledger store is configured, but its url begins with http://: give https://');
  }
  if (options.tls !== undefined && (options.tls.cert === undefined) !== (options.tls.key === undefined)) {
    throw wrong('tls of the ledger store: give both the certificate and the key of the client, or neither');
  }
  for (const text of [options.replicated?.cluster, options.replicated?.path, options.replicated?.replica]) {
    if (text !== undefined && !/^[A-Za-z0-9_./{}-]{1,200}$/.test(text)) {
      throw wrong('replication of the ledger store: a name or path has a character other than letters, digits and _ . / { } -');
    }
  }
  return {
    database,
    url: url.href,
    username: options.username,
    password: options.password,
    request_timeout_ms: options.request_timeout_ms ?? 30_000,
    unreachable_wait_ms: options.unreachable_wait_ms ?? 10_000,
    compression: options.compression ?? 'none',
    connections_max: options.connections_max ?? 10,
    idle_connection_ms: options.idle_connection_ms ?? 2_000,
    check_leaves: options.check_leaves ?? true,
    create_database: options.create_database ?? true,
    page_rows_max: options.page_rows_max ?? 16_384,
    select: options.select ?? {},
    pacing: options.pacing ?? systemPacing,
    name: `${url.host}/${database}`,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.replicated === undefined ? {} : { replicated: options.replicated }),
  };
}

function parsedUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('the url of the ledger store cannot be read: give http://host:8123 or https://host:8443');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong('the url of the ledger store must begin with http:// or https://');
  // The client takes settings from them, and what is in a url ends up in logs.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw wrong('the url of the ledger store must have no user, password or parameters in it: give them as settings of their own');
  }
  return url;
}
