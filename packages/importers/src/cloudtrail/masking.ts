import { createRedactor, SCAN_CHARS_MAX, type Tally, type TextKind } from '@sealtrail/emitter';
import { ENVELOPE, type Flattened, SOURCE_SERVICE } from './attributes.ts';

/** Masks the texts of one record, and counts what it masked. */
export interface RecordMasker {
  text(field: string, value: string, kind: TextKind, chars_max: number): string;
  textOrNull(field: string, value: string | null, kind: TextKind, chars_max: number): string | null;
  /** `ids`: values that name the record's resources; they are masked as ids are, whatever their names say. */
  attributes(flattened: Flattened, ids: ReadonlySet<string>): Map<string, string>;
  /** The same attributes with shorter values. */
  shorten(attributes: ReadonlyMap<string, string>, chars_max: number): Map<string, string>;
  /** Counts what is left out of an event that is too large. */
  dropped(field: string): void;
  readonly redactions: number;
}

const VALUE_CHARS_MAX = 4_096;
const NAME_CHARS_MAX = 64;
const ATTRIBUTES_MAX = 128;
const OVERFLOW_NAME = 'sealtrail.attributes_dropped';
const SECRET_MASK = '[redacted:secret_name]';
const ARN = /^arn:aws[a-z-]*:/;
const RESOURCE_TYPE = /^AWS::[A-Za-z0-9]{1,48}::[A-Za-z0-9]{1,48}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Envelope names are a fixed list without a secret's; `sessionCredentialFromConsole` only sounds like one. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([...ENVELOPE, SOURCE_SERVICE]);

/** Makes a masker a record; they share the emitter's redactor, so that an imported event is masked as an emitted one is. */
export function createRecordMaskers(): () => RecordMasker {
  const redactor = createRedactor({ value_chars_max: VALUE_CHARS_MAX }, undefined);

  return () => {
    const tally: Tally = { redactions: 0, scan_chars: SCAN_CHARS_MAX };

    const text = (field: string, value: string, kind: TextKind, chars_max: number): string => {
      // UUIDs hold runs of digits that look like card numbers, resource types a colon behind `SecretsManager`.
      if (UUID.test(value) || RESOURCE_TYPE.test(value)) return value;
      if (!ARN.test(value) || value.length > chars_max) return redactor.text(field, value, kind, chars_max, tally);
      // The colons of an ARN assign nothing: `…:secret:prod/db` names a secret, it does not tell it.
      return value
        .split(':')
        .map((piece) => redactor.text(field, piece, kind, chars_max, tally))
        .join(':');
    };

    /** null for an attribute that is about a person by its name. */
    const valueOf = (name: string, value: string | number | boolean, isSecret: boolean, isId: boolean): string | null => {
      if (isSecret && value !== '') {
        redactor.report(`attributes.${name}`, 'secret_name', tally);
        return SECRET_MASK;
      }
      if (isId || KNOWN_NAMES.has(name)) return text(`attributes.${name}`, String(value), isId ? 'id' : 'free', VALUE_CHARS_MAX);
      // The whole name is judged. The redactor counts that it cuts a long one; that cut is not used.
      const [masked] = redactor.attributes({ [name]: value }, tally).values();
      if (masked !== undefined && name.length > NAME_CHARS_MAX) tally.redactions--;
      return masked ?? null;
    };

    return {
      text,
      textOrNull: (field, value, kind, chars_max) => (value === null ? null : text(field, value, kind, chars_max)),
      attributes({ attributes, secret }, ids) {
        const masked = new Map<string, string>();
        let dropped = 0;
        for (const [name, value] of Object.entries(attributes)) {
          if (masked.size >= ATTRIBUTES_MAX) {
            dropped++;
            continue;
          }
          const shown = valueOf(name, value, secret.has(name), typeof value === 'string' && ids.has(value));
          if (shown === null) continue;
          let key = redactor.text('attributes', shortName(name), 'free', NAME_CHARS_MAX, tally);
          while (masked.has(key)) key += '+'; // two names that are cut or masked alike stay two
          masked.set(key, shown);
        }
        if (dropped > 0) {
          masked.set(OVERFLOW_NAME, String(dropped));
          redactor.report('attributes', 'too_many', tally);
        }
        return masked;
      },
      shorten(attributes, chars_max) {
        const shorter = new Map<string, string>();
        tally.scan_chars = SCAN_CHARS_MAX;
        for (const [name, value] of attributes) shorter.set(name, redactor.text(`attributes.${name}`, value, 'free', chars_max, tally));
        return shorter;
      },
      dropped: (field) => redactor.report(field, 'too_many', tally),
      get redactions() {
        return tally.redactions;
      },
    };
  };
}

/** A path of more than 64 characters keeps its first piece and as many of its last ones as fit: `responseElements..ebs.status`. */
function shortName(path: string): string {
  if (path.length <= NAME_CHARS_MAX) return path;
  const [first = '', ...rest] = path.split('.');
  while (rest.length > 1 && first.length + 2 + rest.join('.').length > NAME_CHARS_MAX) rest.shift();
  return `${first}..${rest.join('.')}`;
}
