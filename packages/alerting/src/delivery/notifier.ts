import type { Message } from '../message.ts';

/** Why an attempt did not deliver. A closed set: it is kept in rows, and it holds nothing of a URL or an answer. */
export type FailureReason =
  /** Another status than 2xx; the status says which. */
  | 'http_status'
  /** The receiver points elsewhere. Nothing is sent to where it points: configure that URL instead. */
  | 'redirected'
  | 'timeout'
  /** No connection, or it ended before the answer. */
  | 'unreachable';

export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly status: number }
  /** Trying again cannot help. */
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly status: number | null }
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      readonly status: number | null;
      /** How long the receiver asked to be left alone; null where it said nothing. */
      readonly retry_after_ms: number | null;
    }
  /** `stop` was aborted: nothing is known. */
  | { readonly kind: 'stopped' };

/** Somebody's system that is told of alerts. */
export interface Notifier {
  readonly name: string;
  /** What is kept and sent, without any secret. Pure. */
  body(message: Message): string;
  /** One attempt. Never throws; the id is the same for all attempts of a message. */
  deliver(id: string, body: string, stop: AbortSignal): Promise<DeliveryOutcome>;
}

/** Runs something later; what it returns forgets that. */
export interface Timers {
  after(delay_ms: number, run: () => void): () => void;
}
