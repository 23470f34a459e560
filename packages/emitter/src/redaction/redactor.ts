import type { AttributeValue } from '../audit.ts';
import { EmitterError } from '../errors.ts';
import { createNameJudge } from './names.ts';
import type { RedactionOptions, RedactionReport, RedactionRule } from './options.ts';
import { maskCards, maskEmails, maskIbans } from './personal.ts';
import { ASSIGNS, AT, PERCENT, type Profile, profileText, SPACE, SURROGATE } from './profile.ts';
import {
  looksRandom,
  mask,
  maskAssigned,
  maskAuthorization,
  maskAwsSecrets,
  maskHighEntropy,
  maskJwts,
  maskPem,
  maskServiceKeys,
  maskUrlCredentials,
} from './tokens.ts';

/**
 * How much of the rules a field gets.
 * free: all. id: all but high entropy, since ids are random by nature. actor: secrets only, since these columns are meant
 * for who acted (erasable, and pseudonymous when configured).
 */
export type TextKind = 'free' | 'id' | 'actor';

/** Counts the masks of one event. */
export interface Tally {
  redactions: number;
  /** Characters that may still be looked at for this event: bounds what hostile input can cost. */
  scan_chars: number;
}
export const SCAN_CHARS_MAX = 131_072;

export interface Redactor {
  /** The text without what looks like a secret, well-formed, cut to `charsMax`. Throws EmitterError `invalid_event` for what is no text. */
  text(field: string, value: string, kind: TextKind, charsMax: number, tally: Tally): string;
  /** Attributes as they may enter an event. Never throws for a value; throws what a caller's getter throws. */
  attributes(values: Readonly<Record<string, AttributeValue>>, tally: Tally): Map<string, string>;
  /** For masks that are decided elsewhere. */
  report(field: string, rule: RedactionRule, tally: Tally): void;
}

const NAME_CHARS_MAX = 64;
/** Beyond a field's limit so much more is scanned, so that no secret is cut into something unrecognisable. */
const BEYOND_CHARS = 8_192;
const VALUE_CHARS_DEFAULT = 1_024;
const VALUE_CHARS_MAX = 8_192;
const ATTRIBUTES_DEFAULT = 64;
/** `sealtrail.` attributes are the emitter's own words. */
const OVERFLOW_NAME = 'sealtrail.attributes_dropped';

/** Throws EmitterError `invalid_option`. */
export function createRedactor(options: RedactionOptions, onRedacted: ((report: RedactionReport) => void) | undefined): Redactor {
  const valueChars = options.value_chars_max ?? VALUE_CHARS_DEFAULT;
  const attributesMax = options.attributes_max ?? ATTRIBUTES_DEFAULT;
  if (!(Number.isSafeInteger(valueChars) && valueChars >= 16 && valueChars <= VALUE_CHARS_MAX)) {
    throw new EmitterError('invalid_option', `redaction.value_chars_max is ${valueChars}: pass 16 to ${VALUE_CHARS_MAX}`);
  }
  if (!(Number.isSafeInteger(attributesMax) && attributesMax >= 0 && attributesMax <= 256)) {
    throw new EmitterError('invalid_option', `redaction.attributes_max is ${attributesMax}: pass 0 to 256`);
  }
  const allowed = options.allow_attributes === undefined ? null : new Set(options.allow_attributes);
  const judge = createNameJudge(options.personal_names ?? [], allowed);
  const profile: Profile = { flags: 0, run: 0, digits: 0 };

  const report = (field: string, rule: RedactionRule, tally: Tally): void => {
    tally.redactions++;
    onRedacted?.({ field, rule });
  };

  const text: Redactor['text'] = (field, value, kind, charsMax, tally) => {
    if (typeof value !== 'string') throw new EmitterError('invalid_event', `${field} is not a text: pass a string`);
    const end = Math.min(value.length, charsMax + BEYOND_CHARS);
    if (end > tally.scan_chars) {
      report(field, 'too_many', tally);
      return mask('too_many');
    }
    tally.scan_chars -= end;
    const hasWork = profileText(value, end, profile);
    if (!hasWork && value.length <= charsMax) return value;
    let out = value;
    if ((profile.flags & SURROGATE) !== 0 && !value.isWellFormed()) {
      out = value.toWellFormed();
      report(field, 'ill_formed', tally);
    }
    if (end < out.length) out = out.slice(0, end);
    if (hasWork) out = detect(field, out, kind, tally);
    return value.length <= charsMax && out.length <= charsMax ? out : cut(field, out, value.length, charsMax, tally);
  };

  const detect = (field: string, value: string, kind: TextKind, tally: Tally): string => {
    const found = (rule: RedactionRule): void => report(field, rule, tally);
    const { flags, run, digits } = profile;
    let out = value;
    if (run >= 10) {
      if (out.includes('-----BEGIN ')) out = maskPem(out, found);
      if (out.includes('eyJ')) out = maskJwts(out, found);
    }
    if ((flags & (SPACE | PERCENT)) !== 0 || out.includes('+')) out = maskAuthorization(out, found);
    if ((flags & ASSIGNS) !== 0) {
      if ((flags & AT) !== 0) out = maskUrlCredentials(out, found);
      out = maskAssigned(out, found);
    }
    if (run >= 16 || (flags & ASSIGNS) !== 0) out = maskServiceKeys(out, found);
    if (kind !== 'actor') {
      if ((flags & (AT | PERCENT)) !== 0) out = maskEmails(out, found);
      if (digits >= 13) out = maskCards(out, found);
      if (digits >= 8 && value.length >= 15) out = maskIbans(out, found);
    }
    if (kind !== 'actor' && run >= 40) out = maskAwsSecrets(out, found);
    if (kind === 'free' && run >= 32) out = maskHighEntropy(out, found);
    return out;
  };

  const cut = (field: string, value: string, whole: number, charsMax: number, tally: Tally): string => {
    report(field, 'truncated', tally);
    const marker = `[truncated:${whole}]`;
    let end = Math.max(0, charsMax - marker.length);
    const last = value.charCodeAt(end - 1);
    if (last >= 0xd800 && last <= 0xdbff) end--; // never half a character
    return value.slice(0, end) + marker;
  };

  const attribute = (name: string, value: AttributeValue, out: Map<string, string>, tally: Tally): void => {
    const verdict = judge(name);
    let shown = text('attributes', name, 'free', NAME_CHARS_MAX, tally);
    while (out.has(shown)) shown += '+'; // two names that are masked or cut alike stay two
    if (verdict === 'personal') return report(`attributes.${shown}`, 'personal_name', tally);
    const field = `attributes.${shown}`;
    const spelled = spell(value);
    if (spelled === null) {
      out.set(shown, mask('unsupported'));
      return report(field, 'unsupported', tally);
    }
    if (spelled !== '' && verdict === 'secret' && !isCountOrFlag(shown, value)) {
      out.set(shown, mask('secret_name'));
      return report(field, 'secret_name', tally);
    }
    if (verdict === 'suspicious' && looksRandom(spelled)) {
      out.set(shown, mask('high_entropy'));
      return report(field, 'high_entropy', tally);
    }
    out.set(shown, text(field, spelled, verdict === 'id' ? 'id' : 'free', valueChars, tally));
  };

  return {
    text,
    report,
    attributes(values, tally) {
      const out = new Map<string, string>();
      let dropped = 0;
      for (const name of Object.keys(values)) {
        const value = values[name];
        if (value === undefined || value === null) continue;
        if (allowed !== null && !allowed.has(name)) report('attributes', 'not_allowed', tally);
        else if (out.size < attributesMax) attribute(name, value, out, tally);
        else dropped++;
      }
      if (dropped > 0) {
        out.set(OVERFLOW_NAME, String(dropped));
        report('attributes', 'too_many', tally);
      }
      return out;
    },
  };
}

/** `mfa_token: true` and `prompt_tokens: 350` hold no secret, whatever their names say. */
const isCountOrFlag = (name: string, value: AttributeValue): boolean =>
  typeof value === 'boolean' || (typeof value === 'number' && name.toLowerCase().endsWith('tokens'));

/** null for what has no usual spelling: objects, functions, symbols, NaN and infinities, invalid dates. */
function spell(value: AttributeValue): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? String(value) : null;
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : null;
  }
}
