import { NAME_BYTES_MAX } from '@sealtrail/wire';
import { EmitterError } from './errors.ts';

const NAME = /^[A-Za-z0-9._:/@-]+$/;

/** True for what may name a deployment, a tenant or a producer: 1 to 128 of A–Z a–z 0–9 . _ : / @ - (docs/spec/batch.md). */
export const isName = (text: string): boolean => text.length > 0 && text.length <= NAME_BYTES_MAX && NAME.test(text);

/** Throws EmitterError `invalid_name`. The text itself is not repeated: it may be anything. */
export function assertName(what: string, text: unknown): void {
  if (typeof text === 'string' && isName(text)) return;
  throw new EmitterError('invalid_name', `${what} is not a name: use 1 to ${NAME_BYTES_MAX} of A-Z a-z 0-9 . _ : / @ -`);
}
