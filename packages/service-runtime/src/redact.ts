/**
 * The safety net of the logger. Nothing secret should come here at all; what comes all the same leaves as `[redacted]`.
 * It errs towards masking: a log line that lost an id is a nuisance, one that kept a token is an incident.
 */

const MASK = '[redacted]';

const PEM = /-----BEGIN [\s\S]*?(?:-----END [^-]{0,64}-----|$)/g;
/** Also a token that was cut off: half of one still shows its claims. */
const JWT = /eyJ[\w-]{7,}(?:\.[\w-]*)*/g;
const SCHEME = /\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{4,}/gi;
const USER_IN_URL = /:\/\/[^\s/@]{1,512}@/g;
const ASSIGNED =
  /((?:pass(?:word|wd|phrase)?|pwd|secret|token|cookie|credential|authorization|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key)[\w-]{0,24}["']?\s{0,2}[=:]\s{0,2}["']?)[^\s"'&,;)}\]]+/gi;
const SERVICE_KEY =
  /(?<![A-Za-z0-9])(?:A[KS]IA[A-Z0-9]{12,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[a-z]-[\w-]{10,}|[srp]k_(?:live|test)_\w{8,}|AIza[\w-]{20,}|npm_\w{20,}|sk-[\w-]{16,})/g;
/** Any long run of a key's letters. Words joined by dashes have no digits, UUIDs are ids; both stay. */
const RUN = /[A-Za-z0-9_+/=-]{32,}/g;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `text` without anything that looks like a token, a key or a password. */
export function redactSecrets(text: string): string {
  return text
    .replace(PEM, MASK)
    .replace(SCHEME, `$1 ${MASK}`)
    .replace(JWT, MASK)
    .replace(USER_IN_URL, `://${MASK}@`)
    .replace(ASSIGNED, `$1${MASK}`)
    .replace(SERVICE_KEY, MASK)
    .replace(RUN, (run) => (looksLikeKey(run) ? MASK : run));
}

function looksLikeKey(run: string): boolean {
  if (UUID.test(run) || !/\d/.test(run) || !/[A-Za-z]/.test(run)) return false;
  // A path is many short pieces; a key in base64 has a slash once in 64 letters.
  return run.split('/').some((piece) => piece.length >= 20 && /\d/.test(piece) && /[A-Za-z]/.test(piece) && !UUID.test(piece));
}
