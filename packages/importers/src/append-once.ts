import type { EventLogProducer, RecordToAppend } from '@sealtrail/event-log';
import { ImportError } from './errors.ts';

export interface Placed {
  readonly partition: number;
  readonly offset: number;
}

export interface AppendOnce {
  readonly producer: EventLogProducer;
  readonly record: RecordToAppend;
  readonly position: { readonly source: string; readonly value: string };
  /** The source's position as it must be before; null for a source that has none. */
  readonly before: string | null;
  readonly shown_as: string;
}

/** Tries with the same bytes when the log says neither yes nor no, and its position shows that nothing was appended. */
const ATTEMPTS_MAX = 5;

/**
 * Appends a batch and the position that it brings its source to, once. An unknown outcome is settled by reading the
 * position: both were written in one transaction, so it is there exactly when the batch is. Gives back where the batch
 * lies; null when that was not said. Throws ImportError `append_refused`, `append_unconfirmed`, `import_concurrent`.
 */
export async function appendOnce(options: AppendOnce): Promise<Placed | null> {
  const { producer, record, position, before, shown_as } = options;
  // Somebody else who imports the same file would be seen here; the log has no compare-and-append to rule it out.
  if ((await positionNow(options)) !== before) throw concurrent(shown_as);
  let cause: Error | null = null;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const outcome = await producer.append([record], position);
    switch (outcome.kind) {
      case 'appended':
        return outcome.placed[0] ?? null;
      case 'refused':
        throw new ImportError(
          'append_refused',
          `the event log refused a batch of ${shown_as} (${outcome.code}); mend that and run the import again: it goes on where it ended`,
          { cause: outcome.cause },
        );
      case 'unknown': {
        cause = outcome.cause;
        const now = await positionNow(options);
        if (now === position.value) return null;
        if (now !== before) throw concurrent(shown_as);
      }
    }
  }
  throw unconfirmed(shown_as, cause);
}

async function positionNow({ producer, position, shown_as }: AppendOnce): Promise<string | null> {
  try {
    return await producer.position(position.source);
  } catch (error) {
    throw unconfirmed(shown_as, error);
  }
}

const unconfirmed = (shown_as: string, cause: unknown): ImportError =>
  new ImportError(
    'append_unconfirmed',
    `the event log does not confirm a batch of ${shown_as}; run the import again: it goes on where the log ends`,
    {
      cause,
    },
  );

export const concurrent = (shown_as: string): ImportError =>
  new ImportError('import_concurrent', `another import of ${shown_as} is under way; let it end and run this one again`);
