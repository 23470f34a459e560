/**
 * Detectors of tokens and keys. Each looks at every character a bounded number of times: no expression here has two
 * unbounded parts that can match the same text, so that hostile input costs what its length costs.
 */
import { judgeSecretName } from './names.ts';
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

// Two bounded parts after a fixed start; the second one to the last @, since passwords may hold one too.
const URL_CREDENTIALS = /:\/\/[^\s/@:]{0,256}:[^\s/]{1,512}@/g;

export const maskUrlCredentials = (text: string, found: Found): string =>
  text.replace(URL_CREDENTIALS, () => {
    found('url_credentials');
    return `://${mask('url_credentials')}@`;
  });

/** Each: a fixed prefix, a bounded minimum, then greedy over one class. A failing match costs its minimum only. */
const SERVICE_KEYS: readonly (readonly [RedactionRule, string])[] = [
  // Access keys by their prefix, session tokens by the bytes that the first fields of their structure give.
  [
    'aws_key',
    '(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])|(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9+/=%_-]{16,}',
  ],
  ['gcp_key', 'AIza[\\w-]{30,}|ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{20,}'],
  ['stripe_key', '(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}'],
  ['github_token', 'gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,}'],
  [
    'slack_token',
    'xox[a-z](?:\\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\\.slack\\.com/(?:services|workflows)/[\\w/-]{10,}',
  ],
  [
    'service_key',
    'gl(?:pat|dt|rt|ptt|ft|cbt|imt|agent|oas|soat)-[\\w.-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\\w-]{30,}|do[opr]_v1_[a-f0-9]{40,}' +
      '|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}|lin_api_[A-Za-z0-9]{30,}|sq0[a-z]{3}-[\\w-]{20,}' +
      '|dckr_pat_[\\w-]{20,}|glsa_\\w{20,}|ATATT3[\\w=-]{20,}|NRAK-[A-Z0-9]{20,}|dapi[a-f0-9]{32}|(?<!\\d)\\d{8,10}:AA[\\w-]{30,}' +
      // These begin like ordinary words: only at the start of one.
      '|(?<![A-Za-z0-9_])(?:SG\\.[\\w-]{16,}\\.[\\w-]{16,}|sk-[\\w-]{20,}|hv[sbr]\\.[\\w-]{20,}|dp\\.(?:pt|st|ct|sa)\\.[\\w.-]{20,}' +
      '|hf_[A-Za-z0-9]{30,}|EAA[A-Za-z0-9]{40,}|(?:SK[a-f0-9]{32}|key-[a-f0-9]{32})(?!\\w))',
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
const BACKSLASH = 92;
const isQuote = (code: number): boolean => code === 34 || code === 39;
const isSpaceOrArrow = (code: number): boolean => code === 32 || code === 9 || code === 62;
/** Between a name and its ':' or '=': spaces and quotes, also escaped ones, of JSON within JSON. */
const isGap = (code: number): boolean => isSpaceOrArrow(code) || isQuote(code) || code === BACKSLASH;
/** A cheap look before the name is taken apart. */
const MAYBE_SECRET =
  /pass|pwd|secret|token|key|auth|cookie|cred|jwt|otp|pin|cv[cv]|string|assertion|verifier|sig|session|sid|code|bearer|cert|salt|nonce/i;
const TO_LINE_END = /authorization|cookie/i;
const VALUE_ENDS = new Set([...' \t\r\n\f\v"\'&;,(){}[]<>|\\'].map((char) => char.charCodeAt(0)));

/** The value after `password=`, `"api_key": "`, `X-Auth-Token:` and the like, up to a separator or its closing quote. */
export function maskAssigned(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 61 && code !== 58) continue;
    const name = assignedName(text, kept, at);
    if (name === null) continue;
    const verdict = judgeSecretName(name);
    if (verdict === 'plain' || isInArn(text, at)) continue;
    const from = valueStart(text, at);
    if (text.startsWith(MASK_START, from)) continue;
    const end = valueEnd(text, from, TO_LINE_END.test(name));
    if (end === from || !isSecretValue(text, at, from, end, name, verdict)) continue;
    out += text.slice(kept, from) + mask('assigned_secret');
    found('assigned_secret');
    kept = end;
    at = end - 1;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

/** The name right before a ':' or '=' when it may be a secret's. */
function assignedName(text: string, kept: number, at: number): string | null {
  let end = at;
  while (end > kept && at - end < 4 && isGap(text.charCodeAt(end - 1))) end--;
  let from = end;
  while (from > kept && end - from < NAME_CHARS_MAX && isNameChar(text.charCodeAt(from - 1))) from--;
  if (end - from < 3) return null;
  const name = text.slice(from, end);
  return MAYBE_SECRET.test(name) ? name : null;
}

const ARN_CHARS_MAX = 160;
/** `arn:aws:secretsmanager:…:secret:prod/db` names a secret, and is none. */
function isInArn(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 58) return false;
  let from = at;
  while (from > 0 && at - from < ARN_CHARS_MAX && (isNameChar(text.charCodeAt(from - 1)) || ':/'.includes(text[from - 1] as string)))
    from--;
  return text.startsWith('arn:', from);
}

/** Behind spaces, the > of => and one opening quote. */
function valueStart(text: string, at: number): number {
  let from = at + 1;
  while (from - at <= 4 && isSpaceOrArrow(text.charCodeAt(from))) from++;
  if (text.charCodeAt(from) === BACKSLASH && isQuote(text.charCodeAt(from + 1))) from++;
  return isQuote(text.charCodeAt(from)) ? from + 1 : from;
}

function valueEnd(text: string, from: number, toLineEnd: boolean): number {
  const before = text.charCodeAt(from - 1);
  const quote = isQuote(before) ? before : 0;
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quote !== 0) {
      // An escaped quote belongs to the value, or, in JSON within JSON, ends it.
      if (code === quote) break;
      if (code === BACKSLASH && text.charCodeAt(from - 2) === BACKSLASH && text.charCodeAt(at + 1) === quote) break;
      if (code === BACKSLASH) at++;
    } else if (toLineEnd ? code === 10 || code === 13 || code === 34 : VALUE_ENDS.has(code)) break;
  }
  return Math.min(at, text.length);
}

/** Behind ": " in prose: `invalid token: expired`, `Authorization: missing`. A password could be a word, too. */
const PROSE = /^[a-z]{1,16}(?: [a-z]{1,16}){0,8}$/;
const NEVER_PROSE = /pass|pwd|secret|pin/i;
const SEPARATORS_OF_ALL = /%2[bf]|%3d/gi;

function isSecretValue(text: string, at: number, from: number, end: number, name: string, verdict: 'secret' | 'suspicious'): boolean {
  // What is long is not looked at twice.
  if (end - from > LOOKED_AT_CHARS_MAX) return true;
  const value = text.slice(from, end);
  if (verdict === 'suspicious') return looksRandom(value.replace(SEPARATORS_OF_ALL, '/'));
  const isProse = text.charCodeAt(at) === 58 && text.charCodeAt(from - 1) === 32 && PROSE.test(value);
  return !isProse || NEVER_PROSE.test(name);
}

const RUN = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32,}={0,2}/g;

/** Long runs that mix upper case, lower case and digits as only random text does. Hexadecimal digests and UUIDs stay. */
export const maskHighEntropy = (text: string, found: Found): string => maskRandom(text, RUN, 'high_entropy', found);

function maskRandom(text: string, runs: RegExp, rule: RedactionRule, found: Found): string {
  return text.replace(runs, (run: string) => {
    if (!isRandom(run)) return run;
    found(rule);
    return mask(rule);
  });
}

const LOWER = 1;
const UPPER = 2;
const NUMBER = 4;
const ALL_KINDS = 7;
/** Where a word could not go on like this: lower to upper case, and to or from digits. Random base64: 0.45 a letter, names: below 0.2. */
const CHANGES_MIN = 0.2;
/** A path or a role's name with a random end has words in it; so much of random text never is. */
const WORDS_MAX = 1 / 3;
const WORD_CHARS_MIN = 4;

/** Of random text of 32 letters 98 in 100 are found, of 43 (32 bytes in base64url) 99.4. */
function isRandom(run: string): boolean {
  const { n, kinds } = changes(run);
  if (kinds !== ALL_KINDS || n < CHANGES_MIN * run.length) return false;
  let inWords = 0;
  for (const word of run.split(/[-_/+]/)) {
    if (word.length < WORD_CHARS_MIN) continue;
    const found = changes(word);
    if ((found.kinds & NUMBER) === 0 && found.n < CHANGES_MIN * word.length) inWords += word.length;
  }
  return inWords < WORDS_MAX * run.length;
}

function changes(run: string): { readonly n: number; readonly kinds: number } {
  let kinds = 0;
  let before = 0;
  let n = 0;
  for (let i = 0; i < run.length; i++) {
    const code = run.charCodeAt(i);
    const kind = code >= 97 && code <= 122 ? LOWER : code >= 65 && code <= 90 ? UPPER : code >= 48 && code <= 57 ? NUMBER : 0;
    if (kind === 0) continue;
    if (before !== 0 && kind !== before && !(before === UPPER && kind === LOWER)) n++;
    before = kind;
    kinds |= kind;
  }
  return { n, kinds };
}

const AWS_SECRET = /(?<![A-Za-z0-9+/_=.-])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/_=.-])/g;

/** AWS secret access keys have no prefix: 40 random letters of base64. Git's SHA-1 digests are hexadecimal. */
export const maskAwsSecrets = (text: string, found: Found): string => maskRandom(text, AWS_SECRET, 'aws_key', found);

const LOOKED_AT_CHARS_MAX = 4_096;
const TOKEN_ONLY = /^[A-Za-z0-9_+/=.~%-]{16,}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Judges a whole value under a suspicious name: changes between letters and digits, or cases, as only random text does. */
export function looksRandom(text: string): boolean {
  if (text.length > LOOKED_AT_CHARS_MAX || !TOKEN_ONLY.test(text) || UUID.test(text)) return false;
  return changes(text).n >= CHANGES_MIN * text.length;
}
