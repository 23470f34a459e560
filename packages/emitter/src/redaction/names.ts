/** What an attribute's name says about its value. */
export type NameVerdict =
  | 'plain'
  /** About a person: the attribute is dropped. */
  | 'personal'
  /** Surely a secret: the whole value is masked. */
  | 'secret'
  /** Perhaps a secret: masked when it looks random. */
  | 'suspicious'
  /** An id or a digest: random by nature. */
  | 'id';

const SECRET_WORDS = new Set(
  'password passwd pwd passphrase passcode secret secrets authorization cookie cookies credential credentials jwt otp totp pin cvv cvv2 cvc'.split(
    ' ',
  ),
);
/** Endings of the name without separators: `x-api-key`, `apiKey` and `API_KEY` are one. */
const SECRET_ENDINGS = (
  'token tokens apikey privatekey secretkey accesskey signingkey encryptionkey masterkey sharedkey accountkey authkey sshkey ' +
  'connectionstring sessioncookie clientassertion codeverifier password passwd passphrase secret'
).split(' ');
/** A name that ends so tells something about a secret, and is not one: `password_policy`, `authorization_result`. */
const DESCRIBES = new Set(
  (
    'name arn type policy length changed reset expired expires expiry at on count counts version age strength enabled required ' +
    'status method rotation rotated created updated deleted attempts used usage limit kind scope scopes result decision outcome ' +
    'reason error provider source level consent digest hash sha256 fingerprint thumbprint'
  ).split(' '),
);
const SUSPICIOUS_WORDS = new Set(
  'key keys session sessionid sid sig signature nonce salt auth code seed hmac state ticket cert bearer token credential'.split(' '),
);
/** Names of what is random by nature and no secret: the high-entropy rule leaves their values alone. */
const ID_WORDS = new Set(
  'id ids uuid guid arn digest hash sha sha1 sha256 sha512 checksum etag fingerprint thumbprint integrity commit'.split(' '),
);

const PERSONAL_WORDS = new Set(
  (
    'email emails mail phone phones telephone mobile fax surname firstname lastname fullname middlename givenname familyname nickname ' +
    'birthday birthdate birthplace dob ssn passport iban postcode zipcode zip street gender ethnicity religion nationality salary'
  ).split(' '),
);
const PERSONAL_ENDINGS = (
  'emailaddress phonenumber mobilenumber streetaddress postaladdress homeaddress mailingaddress billingaddress shippingaddress ' +
  'firstname lastname fullname middlename givenname familyname maidenname displayname preferredname customername contactname ' +
  'employeename patientname cardholder cardholdername creditcard cardnumber pannumber dateofbirth socialsecuritynumber nationalid ' +
  'nationalinsurancenumber taxid passportnumber driverlicense driverslicense licensenumber bankaccount accountholder postalcode'
).split(' ');
/** Personal only when they are the whole name: `file_name` and `ip_address` are not. */
const PERSONAL_WHOLE = new Set(['name', 'address', 'addresses', 'names', 'username', 'usersname']);
/** `email_verified`, `phone_count`: facts about it, not it. */
const PERSONAL_FACTS = new Set('verified count enabled changed status type id valid required domain hash'.split(' '));

const NAMES_KEPT_MAX = 2_048;

/** Judges attribute names; verdicts are remembered, since the same few names come again and again. */
export function createNameJudge(personalNames: readonly string[], allowed: ReadonlySet<string> | null): (name: string) => NameVerdict {
  const more = new Set(personalNames.map(joined));
  const known = new Map<string, NameVerdict>();
  return (name) => {
    let verdict = known.get(name);
    if (verdict === undefined) {
      verdict = judge(name, more, allowed?.has(name) ?? false);
      if (known.size >= NAMES_KEPT_MAX) known.clear();
      if (name.length <= 128) known.set(name, verdict);
    }
    return verdict;
  };
}

function judge(name: string, more: ReadonlySet<string>, isAllowed: boolean): NameVerdict {
  const words = wordsOf(name);
  const whole = words.join('');
  const last = words.at(-1) ?? '';
  if (!isAllowed) {
    if (more.has(whole) || PERSONAL_WHOLE.has(whole)) return 'personal';
    const personal = words.some((word) => PERSONAL_WORDS.has(word)) || PERSONAL_ENDINGS.some((ending) => whole.endsWith(ending));
    if (personal && !PERSONAL_FACTS.has(last)) return 'personal';
  }
  const secret = secretVerdict(words, whole, last);
  return secret === 'plain' && ID_WORDS.has(last) ? 'id' : secret;
}

/** What a name in a text says about the value assigned to it: password=, X-Api-Key: */
export function judgeSecretName(name: string): 'secret' | 'suspicious' | 'plain' {
  const words = wordsOf(name);
  return secretVerdict(words, words.join(''), words.at(-1) ?? '');
}

function secretVerdict(words: readonly string[], whole: string, last: string): 'secret' | 'suspicious' | 'plain' {
  if (DESCRIBES.has(last)) return 'plain';
  if (words.some((word) => SECRET_WORDS.has(word)) || SECRET_ENDINGS.some((ending) => whole.endsWith(ending))) return 'secret';
  if (whole.endsWith('keyid')) return 'plain'; // names a key, and opens nothing
  return words.some((word) => SUSPICIOUS_WORDS.has(word)) ? 'suspicious' : 'plain';
}

/** `billingAddress`, `billing_address` and `BILLING-ADDRESS` → billing, address. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
const joined = (name: string): string => wordsOf(name).join('');
