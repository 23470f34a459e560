/**
 * Detectors of tokens and keys. Each looks at every character a bounded number of times: no expression here has two
 * unbounded parts that can match the same text, so that hostile input costs what its length costs.
 */
import { isSecretName } from './names.ts';
import type { RedactionRule } from './options.ts';

/** Told of every mask. */
export interface Found {
  (rule: RedactionRule): void;
}

export const mask = (rule: RedactionRule): string => `[redacted:${rule}]`;
const MASK_START = '[redacted:';

const isBase64Url = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95 || code === 45;

function base64UrlEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBase64Url(text.charCodeAt(at))) at++;
  return at;
}

const DOT = 46;
/** Shorter than any real header: {"alg":"none"} alone has 18. */
const JWT_HEADER_CHARS_MIN = 10;

/**
 * `eyJ` is base64url of `{"`. A header, a dot and more is taken for a token, also when the rest was cut off: half a
 * token still shows its claims.
 */
export function maskJwts(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (let at = text.indexOf('eyJ'); at !== -1; ) {
    let end = base64UrlEnd(text, at);
    const second = text.charCodeAt(end + 1) === DOT ? end + 2 : end + 1; // a JWE's second part may be empty
    if (end - at < JWT_HEADER_CHARS_MIN || text.charCodeAt(end) !== DOT || base64UrlEnd(text, second) === second) {
      // Any other eyJ in this run ends at the same place, and fails alike.
      at = text.indexOf('eyJ', end);
      continue;
    }
    end = base64UrlEnd(text, second);
    while (text.charCodeAt(end) === DOT && base64UrlEnd(text, end + 1) > end + 1) end = base64UrlEnd(text, end + 1);
    out += text.slice(kept, at) + mask('jwt');
    found('jwt');
    kept = end;
    at = text.indexOf('eyJ', end);
  }
  return kept === 0 ? text : out + text.slice(kept);
}

const PEM_START = '-----BEGIN ';
const PEM_END = '-----END ';

/** To the end of its END line; without one, to the end of the text. Public certificates are masked too. */
export function maskPem(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (let at = text.indexOf(PEM_START); at !== -1; at = text.indexOf(PEM_START, kept)) {
    const last = text.indexOf(PEM_END, at);
    const close = last === -1 ? -1 : text.indexOf('-----', last + PEM_END.length);
    out += text.slice(kept, at) + mask('pem');
    found('pem');
    kept = close === -1 ? text.length : close + 5;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

const BEARER = /\b(bearer|basic)(?:[ \t+]|%20){1,8}([A-Za-z0-9._~+/-]{6,}={0,2})/gi;

/** RFC 6750 and RFC 7617 credentials. Ordinary words after "basic" or "bearer" stay. */
export const maskAuthorization = (text: string, found: Found): string =>
  text.replace(BEARER, (whole: string, scheme: string, credentials: string) => {
    const isSecret = scheme.toLowerCase() === 'basic' ? isUserAndPassword(credentials) : credentials.length >= 20 || /\d/.test(credentials);
    if (!isSecret) return whole;
    found('authorization');
    return `${scheme} ${mask('authorization')}`;
  });

const isUserAndPassword = (text: string): boolean => /^[^:\s]{0,255}:/.test(Buffer.from(text, 'base64').toString('utf8'));

// Two bounded parts after a fixed start.
const URL_CREDENTIALS = /:\/\/[^\s/@:]{0,256}:[^\s/@]{1,512}@/g;

export const maskUrlCredentials = (text: string, found: Found): string =>
  text.replace(URL_CREDENTIALS, () => {
    found('url_credentials');
    return `://${mask('url_credentials')}@`;
  });

/** Each: a fixed prefix, a bounded minimum, then greedy over one class. A failing match costs its minimum only. */
const SERVICE_KEYS: readonly (readonly [RedactionRule, string])[] = [
  ['aws_key', '(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])'],
  ['gcp_key', 'AIza[\\w-]{30,}|ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{20,}'],
  ['stripe_key', '(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}'],
  ['github_token', 'gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,}'],
  ['slack_token', 'xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\\.slack\\.com/(?:services|workflows)/[\\w/-]{10,}'],
  [
    'service_key',
    'glpat-[\\w-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\\w-]{30,}|do[opr]_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}' +
      '|AGE-SECRET-KEY-1[0-9A-Z]{20,}|lin_api_[A-Za-z0-9]{30,}|sq0[a-z]{3}-[\\w-]{20,}|(?<!\\d)\\d{8,10}:AA[\\w-]{30,}' +
      // These begin like ordinary words: only at the start of one.
      '|(?<![A-Za-z0-9_])(?:SG\\.[\\w-]{16,}\\.[\\w-]{16,}|sk-[\\w-]{20,}|hv[sbr]\\.[\\w-]{20,}|dp\\.(?:pt|st|ct|sa)\\.[\\w.-]{20,}' +
      '|EAA[A-Za-z0-9]{40,}|(?:(?:AC|SK)[a-f0-9]{32}|key-[a-f0-9]{32})(?!\\w))',
  ],
];
const SERVICE_KEY = new RegExp(SERVICE_KEYS.map(([, pattern]) => `(${pattern})`).join('|'), 'g');
const SERVICE_RULES = SERVICE_KEYS.map(([rule]) => rule);

export const maskServiceKeys = (text: string, found: Found): string =>
  text.replace(SERVICE_KEY, (...match: unknown[]) => {
    const rule = SERVICE_RULES.find((_, i) => match[i + 1] !== undefined) ?? 'service_key';
    found(rule);
    return mask(rule);
  });

const NAME_CHARS_MAX = 48;
const isNameChar = (code: number): boolean => isBase64Url(code) || code === DOT;
const isGap = (code: number): boolean => code === 32 || code === 9 || code === 34 || code === 39 || code === 62; // space, tab, quotes, >
/** A cheap look before the name is taken apart. */
const MAYBE_SECRET = /pass|pwd|secret|token|key|auth|cookie|cred|jwt|otp|pin|cv[cv]|string|assertion|verifier|sig/i;
const TO_LINE_END = /authorization|cookie/i;
const VALUE_ENDS = new Set([...' \t\r\n\f\v"\'&;,(){}[]<>|\\'].map((char) => char.charCodeAt(0)));

/** The value after `password=`, `"api_key": "`, `X-Auth-Token:` and the like, up to a separator. */
export function maskAssigned(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 61 && code !== 58) continue;
    const name = assignedName(text, kept, at);
    if (name === null) continue;
    let from = at + 1;
    while (from < text.length && from - at <= 4 && isGap(text.charCodeAt(from))) from++;
    if (text.startsWith(MASK_START, from)) continue;
    const end = valueEnd(text, from, TO_LINE_END.test(name));
    if (end === from) continue;
    out += text.slice(kept, from) + mask('assigned_secret');
    found('assigned_secret');
    kept = end;
    at = end - 1;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

/** The name right before a ':' or '=' when it is a secret's. */
function assignedName(text: string, kept: number, at: number): string | null {
  let end = at;
  while (end > kept && at - end < 4 && isGap(text.charCodeAt(end - 1))) end--;
  let from = end;
  while (from > kept && end - from < NAME_CHARS_MAX && isNameChar(text.charCodeAt(from - 1))) from--;
  if (end - from < 3) return null;
  const name = text.slice(from, end);
  return MAYBE_SECRET.test(name) && isSecretName(name) ? name : null;
}

function valueEnd(text: string, from: number, toLineEnd: boolean): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (toLineEnd ? code === 10 || code === 13 || code === 34 : VALUE_ENDS.has(code)) break;
  }
  return at;
}

const RUN = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32,}={0,2}/g;
/** Where a word could not go on like this: lower to upper case, and to or from digits. Random base64: 0.45 a letter, names: below 0.2. */
const BREAKS_MIN = 0.2;

/** Long runs that mix upper case, lower case and digits as only random text does. Hexadecimal digests and UUIDs stay. */
export const maskHighEntropy = (text: string, found: Found): string =>
  text.replace(RUN, (run: string) => {
    if (breaks(run) < BREAKS_MIN * run.length) return run;
    found('high_entropy');
    return mask('high_entropy');
  });

const LOWER = 1;
const UPPER = 2;
const NUMBER = 4;

/** 0 unless the run holds all three kinds. */
function breaks(run: string): number {
  let seen = 0;
  let before = 0;
  let n = 0;
  for (let i = 0; i < run.length; i++) {
    const code = run.charCodeAt(i);
    const kind = code >= 97 && code <= 122 ? LOWER : code >= 65 && code <= 90 ? UPPER : code >= 48 && code <= 57 ? NUMBER : 0;
    if (kind === 0) continue;
    if (before !== 0 && kind !== before && !(before === UPPER && kind === LOWER)) n++;
    before = kind;
    seen |= kind;
  }
  return seen === (LOWER | UPPER | NUMBER) ? n : 0;
}

const TOKEN_ONLY = /^[A-Za-z0-9_+=-]{16,}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Bits a character. Sixteen random hex digits reach 3.0 in 19 of 20 cases, words rarely with digits in them. */
const ENTROPY_MIN = 2.9;

/** Judges a whole value under a suspicious name: random enough to be a key. UUIDs are ids. */
export function looksRandom(text: string): boolean {
  if (text.length > 4_096 || !TOKEN_ONLY.test(text) || !/\d/.test(text) || UUID.test(text)) return false;
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const n of counts.values()) bits -= (n / text.length) * Math.log2(n / text.length);
  return bits >= ENTROPY_MIN;
}
