import { AlertingError } from '../errors.ts';
import { retryAfter } from './backoff.ts';
import type { DeliveryOutcome, Timers } from './notifier.ts';

/** What of `fetch` is used; the global one fits. */
export type HttpFetch = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly headers: Record<string, string>;
    readonly body: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body?: { cancel(): Promise<void> } | null;
}>;

export interface HttpAccess {
  readonly fetch: HttpFetch;
  readonly clock_ms: () => number;
  readonly timers: Timers;
  /** Of one attempt, until the answer's head; 10,000 when absent. */
  readonly timeout_ms?: number;
}

const TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;

/**
 * A URL that alerts may go to. Throws AlertingError `settings_invalid`; the message has nothing of the URL, which may be a
 * secret. Without `plain_http` only https, and http to this machine.
 */
export function checkUrl(url: string, where: string, plainHttp: boolean): void {
  const wrong = (what: string): AlertingError => new AlertingError('settings_invalid', `${where}: its URL ${what}`);
  if (!URL.canParse(url)) throw wrong('is none; give an absolute one');
  const { protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') throw wrong('has a user or a password in it; use a header or a secret');
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && (isLocal || plainHttp)))
    throw wrong('is not https; alerts would be readable on their way (allow plain http where that is meant)');
}

/** One POST, judged. Never throws. Answers are not read: nothing of them is kept. */
export async function post(
  access: HttpAccess,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  stop: AbortSignal,
): Promise<DeliveryOutcome> {
  const attempt = new AbortController();
  let timedOut = false;
  const forget = access.timers.after(access.timeout_ms ?? TIMEOUT_MS, () => {
    timedOut = true;
    attempt.abort();
  });
  const onStop = (): void => attempt.abort();
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) attempt.abort();
  try {
    const answer = await access.fetch(url, { method: 'POST', headers: { ...headers }, body, redirect: 'manual', signal: attempt.signal });
    // An answer that is not read holds its connection: let it go, whatever becomes of that.
    void answer.body?.cancel().catch(() => undefined);
    return judge(answer.status, retryAfter(answer.headers.get('retry-after'), access.clock_ms()));
  } catch {
    // What fetch throws may name the URL: its kind is enough.
    if (timedOut) return { kind: 'failed', reason: 'timeout', status: null, retry_after_ms: null };
    if (stop.aborted) return { kind: 'stopped' };
    return { kind: 'failed', reason: 'unreachable', status: null, retry_after_ms: null };
  } finally {
    forget();
    stop.removeEventListener('abort', onStop);
  }
}

function judge(status: number, retry_after_ms: number | null): DeliveryOutcome {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  // Some implementations of fetch hide the status of a redirection.
  if (status === 0 || (status >= 300 && status < 400))
    return { kind: 'refused', reason: 'redirected', status: status === 0 ? null : status };
  if (status >= 400 && status < 500 && status !== REQUEST_TIMEOUT && status !== TOO_MANY_REQUESTS)
    return { kind: 'refused', reason: 'http_status', status };
  return { kind: 'failed', reason: 'http_status', status, retry_after_ms };
}
