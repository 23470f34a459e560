/** Why a value was masked. Stands in the mask: `[redacted:jwt]`. */
export type RedactionRule =
  /** A JSON Web Token (JWS or JWE). */
  | 'jwt'
  /** Credentials after Bearer or Basic. */
  | 'authorization'
  /** Keys and tokens of known services by their prefix. */
  | 'aws_key'
  | 'gcp_key'
  | 'stripe_key'
  | 'github_token'
  | 'slack_token'
  | 'service_key'
  /** A PEM block, to its end or the end of the text. */
  | 'pem'
  /** User and password in a URL. */
  | 'url_credentials'
  /** What follows password=, api_key:, and the like. */
  | 'assigned_secret'
  /** The whole value under a name such as password or client_secret. */
  | 'secret_name'
  /** Random-looking text: long and mixed, or shorter under a name such as session or key. */
  | 'high_entropy'
  /** 13 to 19 digits with a card issuer's first digit and a right check digit. */
  | 'card'
  | 'iban'
  | 'email'
  /** The whole attribute, dropped: its name says that it is about a person. */
  | 'personal_name'
  /** Dropped: not on the allow-list. */
  | 'not_allowed'
  /** Cut to the field's limit. */
  | 'truncated'
  /** Dropped or shortened so that the event fits into 32 KiB. */
  | 'too_many'
  /** Not a text, number, boolean or date. */
  | 'unsupported'
  /** Lone surrogates, which have no UTF-8, replaced by U+FFFD. */
  | 'ill_formed';

export interface RedactionOptions {
  /** Attributes with other names are dropped. Those named here may be personal: the names are the caller's word. */
  readonly allow_attributes?: readonly string[];
  /** Further names that are personal, beyond the known ones (docs/emitting.md). */
  readonly personal_names?: readonly string[];
  /** Characters of an attribute's value. Default 1,024, at most 8,192. */
  readonly value_chars_max?: number;
  /** Attributes of an event. Default 64. */
  readonly attributes_max?: number;
}

/** What was masked: the field by its name in the schema, for attributes `attributes.<name>`. Never the value. */
export interface RedactionReport {
  readonly field: string;
  readonly rule: RedactionRule;
}
