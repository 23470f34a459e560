/** Detectors of card numbers, bank accounts and e-mail addresses. Linear: each start looks at a bounded stretch. */
import { type Found, mask } from './tokens.ts';

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const CARD_DIGITS_MIN = 13;
const CARD_DIGITS_MAX = 19;

/** ISO/IEC 7812: 13 to 19 digits, also in groups by single spaces or dashes, a card issuer's first digit, Luhn's check digit. */
export function maskCards(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  let at = 0;
  while (at < text.length) {
    if (!isDigit(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const end = cardEnd(text, at);
    if (end === -1 || isPartOfAnId(text, at, end)) {
      while (at < text.length && isDigit(text.charCodeAt(at))) at++; // the next group may start one
    } else {
      out += text.slice(kept, at) + mask('card');
      found('card');
      kept = end;
      at = end;
    }
  }
  return kept === 0 ? text : out + text.slice(kept);
}

/** Groups of digits that go on in letters or dashes, as inside a UUID: nobody writes a card number like that. */
function isPartOfAnId(text: string, from: number, end: number): boolean {
  let grouped = false;
  for (let at = from; at < end && !grouped; at++) grouped = !isDigit(text.charCodeAt(at));
  return grouped && (isIdPart(text.charCodeAt(from - 1)) || isIdPart(text.charCodeAt(end)));
}
const isIdPart = (code: number): boolean => isLetter(code) || isDigit(code) || code === 45; // NaN beyond the text is none

/** End of the longest card number that starts at `from` and ends with a group of digits; -1 when there is none. */
function cardEnd(text: string, from: number): number {
  const first = text.charCodeAt(from) - 48;
  if (first < 2 || first > 6) return -1; // 2–6: Mastercard, American Express, Diners, JCB, Visa, Discover, UnionPay, Maestro
  // Luhn doubles every second digit from the right: both sums are kept until the length is known.
  let evenDoubled = 0;
  let oddDoubled = 0;
  let digits = 0;
  let best = -1;
  for (let at = from; digits <= CARD_DIGITS_MAX; ) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) {
      const digit = code - 48;
      const doubled = digit > 4 ? digit * 2 - 9 : digit * 2;
      evenDoubled += digits % 2 === 0 ? doubled : digit;
      oddDoubled += digits % 2 === 0 ? digit : doubled;
      digits++;
      at++;
      continue;
    }
    if (digits >= CARD_DIGITS_MIN && (digits % 2 === 0 ? evenDoubled : oddDoubled) % 10 === 0) best = at;
    if ((code !== 32 && code !== 45) || !isDigit(text.charCodeAt(at + 1))) break;
    at++;
  }
  return best;
}

/** ISO 13616 registry: how long the account numbers of each country are. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 ' +
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 ' +
    'MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ' +
    'SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const IBAN_START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;
const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);

export function maskIbans(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (const { index } of text.matchAll(IBAN_START)) {
    const end = index < kept ? -1 : ibanEnd(text, index);
    if (end === -1) continue;
    out += text.slice(kept, index) + mask('iban');
    found('iban');
    kept = end;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

function ibanEnd(text: string, from: number): number {
  const length = IBAN_LENGTHS.get(text.slice(from, from + 2).toUpperCase());
  if (length === undefined) return -1;
  let number = '';
  let at = from;
  for (; number.length < length; at++) {
    const code = text.charCodeAt(at); // NaN behind the end
    if (isLetter(code) || isDigit(code)) number += text[at];
    else if (code !== 32 && code !== 45) return -1;
  }
  const after = text.charCodeAt(at);
  if (isLetter(after) || isDigit(after)) return -1;
  return mod97(number.toUpperCase()) === 1 ? at : -1;
}

/** ISO 7064 MOD 97-10 as ISO 13616 uses it: country and check digits to the end, letters as 10 to 35. */
export function mod97(number: string): number {
  let rest = 0;
  for (const char of number.slice(4) + number.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}

const LOCAL_CHARS_MAX = 64;
const DOMAIN_CHARS_MAX = 253;
const isLocal = (code: number): boolean =>
  code >= 128 || isDomain(code) || code === 95 || code === 37 || code === 43 || code === 39 || code === 33 || code === 35; // _ % + ' ! #
const isDomain = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || isDigit(code) || code === 45 || code === 46 || code >= 128;
const DOMAIN = /^[^.\s]+(?:\.[^.\s]+){0,32}\.[^.\s\d-]{2,}/u;

/** Each @ (or its %40): what may be a mailbox before it and a domain with a dot behind it (RFC 5321 4.5.3.1 for lengths). */
export function maskEmails(text: string, found: Found): string {
  let out = '';
  let kept = 0;
  for (const { index: at, 0: sign } of text.matchAll(/@|%40/g)) {
    if (at < kept) continue;
    let from = at;
    while (from > kept && at - from < LOCAL_CHARS_MAX && isLocal(text.charCodeAt(from - 1))) from--;
    if (from === at) continue;
    const after = at + sign.length;
    let end = after;
    while (end < text.length && end - after < DOMAIN_CHARS_MAX && isDomain(text.charCodeAt(end))) end++;
    const domain = DOMAIN.exec(text.slice(after, end));
    if (domain === null) continue;
    out += text.slice(kept, from) + mask('email');
    found('email');
    kept = after + domain[0].length;
  }
  return kept === 0 ? text : out + text.slice(kept);
}
