/** Texts from events and rules on their way out: bounded, on one line, and without what looks like a token. */

const MASK = '[masked]';
const INPUT_CHARACTERS_MAX = 8_192;

/** Also tokens that were cut off: half of one still shows its claims. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [^-]{1,64}-----[\s\S]*/g, MASK],
  [/\b(Bearer|Basic|DPoP|Negotiate)\s+[\w.~+/=-]{4,}/gi, `$1 ${MASK}`],
  [/eyJ[\w-]{7,}(?:\.[\w-]*)*/g, MASK],
  [/:\/\/[^\s/@]{1,512}@/g, `://${MASK}@`],
  [
    /((?:passw(?:or)?d|secret|token|api[_-]?key|private[_-]?key|authorization|cookie)["']?\s{0,2}[=:]\s{0,2}["']?)[^\s"'&,;)}\]]+/gi,
    `$1${MASK}`,
  ],
  [
    /(?<![A-Za-z0-9])(?:A[KS]IA[A-Z0-9]{12,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[a-z]-[\w-]{10,}|[srp]k_(?:live|test)_\w{8,}|whs(?:ec|k)_[\w+/=]{8,}|AIza[\w-]{20,}|npm_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,})/g,
    MASK,
  ],
  [/hooks\.slack\.com\/[\w/-]{4,}/g, `hooks.slack.com/${MASK}`],
];

/** Controls, line breaks, and characters that turn the reading direction or cannot be seen. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;

/** At most so many UTF-16 units; what is cut shows as one `…`. */
export function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const end = charactersMax - 1;
  // Never half of a pair.
  const code = text.charCodeAt(end - 1);
  return `${text.slice(0, code >= 0xd800 && code <= 0xdbff ? end - 1 : end)}…`;
}

/** What of a text from outside may stand in a message. */
export function outgoing(text: string, charactersMax: number): string {
  let shown = text.slice(0, INPUT_CHARACTERS_MAX).toWellFormed();
  for (const [pattern, mask] of SECRETS) shown = shown.replace(pattern, mask);
  return cut(shown.replace(UNSEEN, ' ').trim(), charactersMax);
}

/** µs since 1970 as RFC 3339, with all six digits. */
export function isoMicros(micros: number): string {
  const ms = Math.floor(micros / 1_000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros - ms * 1_000).padStart(3, '0')}Z`;
}

export const isoMillis = (ms: number): string => new Date(ms).toISOString();
