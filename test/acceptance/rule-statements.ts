/** What each shipped rule says about events, said again in SQL from the rule's text. By the rule's name. */

import { counted, distinct, type Hits, matched, ordered, type Part, together } from './rule-sql.ts';

const among = (field: string, ...values: readonly string[]): string => `${field} IN (${values.map((value) => `'${value}'`).join(', ')})`;
const some = (field: string): string => `${field} != ''`;
const all = (...conditions: readonly string[]): string => conditions.map((condition) => `(${condition})`).join(' AND ');
const not = (condition: string): string => `NOT ifNull((${condition}), 0)`;
const attribute = (name: string): string => `attr['${name}']`;
const endsWith = (...ends: readonly string[]): string => ends.map((end) => `endsWith(action, '${end}')`).join(' OR ');
const says = (...words: readonly string[]): string =>
  `multiSearchAnyCaseInsensitive(agent, [${words.map((word) => `'${word}'`).join(', ')}])`;

const SUCCESS = "outcome = 'SUCCESS'";
const REFUSED = among('outcome', 'DENIED', 'FAILURE');
const VERIFIED = "token_status = 'VERIFIED'";
const INVALID = "token_status = 'INVALID'";
const PERSON = "actor_type = 'USER'";
const SIGN_IN = `action = 'session.create' OR ${endsWith('.login', '.sign_in')}`;
const MFA = `action = 'mfa.challenge' OR ${endsWith('.mfa_challenge')}`;
const GRANT = among('action', 'role.grant', 'permission.grant');
const POWERFUL = among("lower(attr['role'])", 'admin', 'owner', 'root', 'superuser', 'security_admin', 'tenant_admin');
const SIGN_IN_SETTINGS = among(
  'action',
  'sso.update',
  'sso.create',
  'sso.disable',
  'idp.update',
  'password_policy.update',
  'mfa_policy.update',
);
const OPEN_TO_ALL = `${among('action', 'session.create', 'session.end', 'token.refresh', 'token.verify', 'password.reset')} OR ${endsWith('.login', '.logout', '.sign_in', '.sign_out')}`;
const AWAY = among(attribute('source_kind'), 'vpn', 'relay', 'cellular');
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8', 'fc00::/7', 'fe80::/10', '::1/128'];
const INSIDE = PRIVATE.map((range) => `isIPAddressInRange(ip, '${range}')`).join(' OR ');
/** The /24 of an IPv4 address, the /48 of an IPv6 address. */
const NETWORK = `if(isIPv4String(ip), IPv4NumToStringClassC(toIPv4OrZero(ip)), toString(IPv6CIDRToRange(toIPv6OrZero(ip), 48).1))`;

const signInFailed = matched(all(SIGN_IN, REFUSED, some('resource_id'), some('ip')));
const unknownAccount = matched(
  all(SIGN_IN, REFUSED, among('reason', 'unknown_account', 'unknown_user', 'user_not_found'), some('resource_id'), some('ip')),
);
const signInSucceeded = matched(all(SIGN_IN, SUCCESS, some('resource_id')));
const sensitiveAct = matched(
  all(
    `${among('action', 'api_key.create', 'role.grant', 'permission.grant', 'payout.update', 'sso.update')} OR ${endsWith('.export')} OR startsWith(action, 'audit.')`,
    SUCCESS,
    some('actor_id'),
  ),
);
const actDenied = matched(all("outcome = 'DENIED'", VERIFIED, some('actor_id'), not(`action = 'mfa.challenge' OR ${SIGN_IN}`)));
const dormantSignIn = matched(all(SIGN_IN, SUCCESS, some('resource_id'), `toFloat64OrNull(${attribute('last_seen_days')}) >= 90`));
const refusedForTimes = among('reason', 'expired', 'not_yet_valid');
const forgedToken = matched(
  all(INVALID, some('ip'), "reason = 'signature_invalid' OR (reason = 'algorithm_not_allowed' AND isNull(token_algorithm))"),
);
const locatedSignIn = matched(all(SIGN_IN, SUCCESS, some('resource_id'), some(attribute('source_country')), not(AWAY)));
const locatedToken = matched(all(VERIFIED, some('token_id'), some(attribute('source_country')), not(AWAY)));
const exportsOfPerson = matched(all(endsWith('.export', '.download'), SUCCESS, PERSON, some('actor_id')));
const mfaRefused = matched(all(MFA, REFUSED, some('resource_id')));
const mfaRefusedByOwner = matched(
  all(MFA, REFUSED, among('reason', 'user_denied', 'denied_by_user', 'reported_as_fraud'), some('resource_id')),
);
const acceptedThoughRefused = all(INVALID, SUCCESS, not(OPEN_TO_ALL), not(`${attribute('access')} = 'public'`));
const publicTokenUse = matched(all(VERIFIED, some('token_id'), some('ip'), not(INSIDE)));
const settledToken = counted(publicTokenUse, ['token_id', NETWORK, 'agent'], '15m', 2);

const by = (fields: readonly string[], ...hits: readonly Hits[]): readonly Part[] => hits.map((one) => ({ hits: one, by: fields }));
const tenFailed = counted(signInFailed, ['ip', 'resource_id'], '15m', 10);
const pressedForFactor = together(by(['resource_id'], counted(mfaRefused, ['resource_id'], '10m', 5), mfaRefusedByOwner), '10m');

/** About what the pipeline finds out about itself, which is no event: the test of an import asks the store's tables instead. */
export const WITHOUT_STATEMENT: readonly string[] = [
  'canary_seen',
  'sequence_gap',
  'events_shed',
  'critical_sequence_gap',
  'producer_silent',
  'producers_silent',
  'record_forged',
  'record_unreadable',
  'revoked_key_used',
  'unregistered_key',
  'sequence_conflict',
  'identity_contradicted',
  'store_tampered',
  'history_rewritten',
];

export const STATEMENTS: Readonly<Record<string, Hits>> = {
  account_lockout_wave: distinct(
    matched(all(SIGN_IN, among('reason', 'locked', 'account_locked'), some('resource_id'))),
    [],
    '15m',
    ['resource_id'],
    10,
  ),
  account_takeover: ordered(
    [
      { hits: matched(all("action = 'password.reset'", SUCCESS, some('resource_id'))), by: ['resource_id'] },
      { hits: matched(all(among('action', 'mfa.disable', 'mfa.replace'), SUCCESS, some('resource_id'))), by: ['resource_id'] },
      { hits: sensitiveAct, by: ['actor_id'] },
    ],
    '1h',
  ),
  admin_act_at_night: matched(
    all(
      among('action', 'role.grant', 'permission.grant', 'user.create', 'mfa.disable', 'sso.update'),
      SUCCESS,
      PERSON,
      'intDiv(t, 3600000000) % 24 >= 22 OR intDiv(t, 3600000000) % 24 < 5',
    ),
  ),
  admin_act_without_role: matched(
    all(
      "startsWith(action, 'admin.')",
      SUCCESS,
      PERSON,
      VERIFIED,
      "NOT arrayExists(role -> match(lower(role), 'admin|owner|operator|support'), actor_roles)",
    ),
  ),
  api_key_burst: distinct(
    matched(
      all(among('action', 'api_key.create', 'access_key.create', 'client_secret.create'), SUCCESS, some('actor_id'), some('resource_id')),
    ),
    ['actor_id'],
    '10m',
    ['resource_id'],
    8,
  ),
  attack_tool: matched(
    says(
      'sqlmap',
      'nikto',
      'nuclei',
      'gobuster',
      'feroxbuster',
      'dirbuster',
      'Fuzz Faster U Fool',
      'wfuzz',
      'wpscan',
      'jwt_tool',
      'hydra',
      'masscan',
      'zgrab',
    ),
  ),
  audit_tampering: matched(
    among(
      'action',
      'audit.disable',
      'audit.stop',
      'audit.delete',
      'audit.purge',
      'audit.truncate',
      'audit.sink.delete',
      'audit_log.disable',
      'audit_log.delete',
    ),
  ),
  audit_settings_changed: matched(
    all(among('action', 'audit.settings.update', 'audit.retention.update', 'audit.access.update', 'audit_log.update'), SUCCESS),
  ),
  aws_watcher_disabled: matched(
    among(
      'action',
      'cloudtrail:stoplogging',
      'cloudtrail:deletetrail',
      'cloudtrail:deleteeventdatastore',
      'config:stopconfigurationrecorder',
      'config:deleteconfigurationrecorder',
      'config:deletedeliverychannel',
      'guardduty:deletedetector',
      'guardduty:disassociatefrommasteraccount',
      'ec2:deleteflowlogs',
      'securityhub:disablesecurityhub',
      'organizations:leaveorganization',
    ),
  ),
  brute_force: tenFailed,
  brute_force_success: ordered(by(['ip', 'resource_id'], tenFailed, signInSucceeded), '15m'),
  credential_stuffing: together(
    by(
      ['ip'],
      distinct(signInFailed, ['ip'], '15m', ['resource_id'], 15),
      counted(signInFailed, ['ip'], '15m', 25),
      distinct(unknownAccount, ['ip'], '15m', ['resource_id'], 5),
    ),
    '15m',
  ),
  denied_burst: together(
    by(['actor_id'], counted(actDenied, ['actor_id'], '10m', 15), distinct(actDenied, ['actor_id'], '10m', ['action'], 6)),
    '10m',
  ),
  denied_slowly: distinct(actDenied, ['actor_id'], '24h', ['action'], 12),
  distributed_guessing: distinct(signInFailed, ['resource_id'], '15m', ['ip'], 6),
  dormant_account_sign_in: dormantSignIn,
  dormant_account_active: ordered(
    [
      { hits: dormantSignIn, by: ['resource_id'] },
      { hits: sensitiveAct, by: ['actor_id'] },
    ],
    '30m',
  ),
  expired_token_burst: distinct(
    matched(all(INVALID, refusedForTimes, some('token_id'), some('actor_id'))),
    ['actor_id'],
    '10m',
    ['token_id'],
    6,
  ),
  forged_tokens: together(
    by(['ip'], distinct(forgedToken, ['ip'], '10m', ['actor_id'], 3), counted(forgedToken, ['ip'], '10m', 50)),
    '10m',
    'p0 OR p1',
  ),
  token_probing: distinct(
    matched(
      all(
        INVALID,
        some('ip'),
        among(
          'reason',
          'unknown_issuer',
          'algorithm_not_allowed',
          'signature_invalid',
          'wrong_audience',
          'wrong_type',
          'key_unusable',
          'claim_missing',
          'claim_invalid',
        ),
      ),
    ),
    ['ip'],
    '10m',
    ['reason'],
    3,
  ),
  backdoor_account: ordered(
    [
      {
        hits: matched(all(among('action', 'user.create', 'account.create', 'service_account.create'), SUCCESS, some('resource_id'))),
        by: ['resource_id'],
      },
      { hits: matched(all(GRANT, SUCCESS, some('resource_id'), POWERFUL)), by: ['resource_id'] },
      { hits: sensitiveAct, by: ['actor_id'] },
    ],
    '1h',
  ),
  impersonation_without_case: matched(
    all(among('action', 'user.impersonate', 'session.impersonate'), SUCCESS, not(some(attribute('support_case')))),
  ),
  impossible_travel: distinct(locatedSignIn, ['resource_id'], '1h', [attribute('source_country')], 2),
  mass_delete: distinct(
    matched(all(endsWith('.delete'), SUCCESS, PERSON, some('actor_id'), some('resource_id'))),
    ['actor_id'],
    '10m',
    ['resource_id'],
    250,
  ),
  mass_export_fast: counted(exportsOfPerson, ['actor_id'], '6m', 40),
  mass_export: counted(exportsOfPerson, ['actor_id'], '60m', 120),
  mass_read: distinct(
    matched(all(endsWith('.read', '.view'), SUCCESS, PERSON, some('actor_id'), some('resource_id'))),
    ['actor_id'],
    '10m',
    ['resource_id'],
    500,
  ),
  mfa_fatigue: pressedForFactor,
  mfa_fatigue_success: ordered(by(['resource_id'], pressedForFactor, matched(all(MFA, SUCCESS, some('resource_id')))), '10m'),
  object_enumeration: distinct(
    matched(all(REFUSED, VERIFIED, some('actor_id'), some('resource_id'), 'http_status IN (403, 404, 410)', not("actor_type = 'SERVICE'"))),
    ['actor_id'],
    '6m',
    ['resource_id'],
    60,
  ),
  password_spraying: distinct(distinct(signInFailed, ['ip'], '5m', ['resource_id'], 3), [], '15m', ['ip'], 5),
  password_spraying_rotating: together(
    by(
      [],
      distinct(unknownAccount, [], '15m', ['resource_id'], 6),
      distinct(unknownAccount, [], '15m', ['ip'], 4),
      distinct(signInFailed, [], '15m', ['resource_id'], 20),
    ),
    '15m',
  ),
  refresh_token_reuse: matched(
    all(
      `action = 'token.refresh' OR ${endsWith('.token_refresh')}`,
      among('reason', 'refresh_token_reused', 'refresh_token_reuse', 'token_reuse'),
    ),
  ),
  refused_token_accepted: matched(acceptedThoughRefused),
  expired_token_accepted: together(
    by(['trace'], matched(all(INVALID, refusedForTimes, some('trace'))), matched(all(acceptedThoughRefused, some('trace')))),
    '1m',
  ),
  role_changed: matched(
    all(among('action', 'role.grant', 'role.revoke', 'role.update', 'permission.grant', 'permission.revoke', 'policy.update'), SUCCESS),
  ),
  privileged_role_granted: matched(all(GRANT, SUCCESS, POWERFUL)),
  self_granted_role: matched(all(GRANT, SUCCESS, some('actor_id'), 'lower(resource_id) = lower(actor_id)')),
  service_account_interactive: matched(
    all(
      "actor_type = 'SERVICE'",
      VERIFIED,
      "startsWith(lower(agent), 'mozilla/5.0')",
      not(says('compatible;', 'Headless', 'bot', 'PowerShell')),
    ),
  ),
  service_account_sign_in: matched(
    all(SIGN_IN, SUCCESS, `${attribute('account_type')} = 'service' OR (actor_type = 'SERVICE' AND token_status = 'ABSENT')`),
  ),
  sign_in_from_tor: matched(all(SIGN_IN, SUCCESS, `${attribute('source_kind')} = 'tor'`)),
  sign_in_settings_changed: matched(all(SIGN_IN_SETTINGS, SUCCESS)),
  sign_in_weakened: together(
    by(
      ['actor_id'],
      matched(all(SIGN_IN_SETTINGS, SUCCESS, some('actor_id'))),
      matched(all("action = 'mfa.disable'", SUCCESS, some('actor_id'), not('lower(resource_id) = lower(actor_id)'))),
    ),
    '1h',
  ),
  tenant_crossing: matched(
    all(
      SUCCESS,
      some(attribute('owner_tenant')),
      not(`lower(${attribute('owner_tenant')}) = lower(tenant)`),
      not(some(attribute('support_case'))),
    ),
  ),
  tenant_crossing_attempts: distinct(
    matched(
      all(
        REFUSED,
        some(attribute('owner_tenant')),
        some('actor_id'),
        some('resource_id'),
        not(`lower(${attribute('owner_tenant')}) = lower(tenant)`),
      ),
    ),
    ['actor_id'],
    '10m',
    ['resource_id'],
    10,
  ),
  unsigned_token: matched(all(INVALID, "reason = 'algorithm_not_allowed'", 'isNull(token_algorithm)')),
  unexpected_algorithm: matched(all(INVALID, "reason = 'algorithm_not_allowed'", some('token_algorithm'))),
  token_used_after_expiry: matched(
    all(VERIFIED, SUCCESS, 'floor((t / 1000 - expires_ms) / 1000) > 900', not(among(attribute('transport'), 'websocket', 'sse', 'stream'))),
  ),
  token_from_the_future: matched(all(VERIFIED, SUCCESS, 'floor((t / 1000 - issued_ms) / 1000) < -300')),
  token_replay: together(
    by(
      ['token_id'],
      distinct(settledToken, ['token_id'], '15m', [NETWORK], 2),
      distinct(settledToken, ['token_id'], '15m', ['agent'], 2),
      distinct(publicTokenUse, ['token_id'], '15m', [NETWORK, 'agent'], 3),
    ),
    '15m',
    'p0 AND p1 AND NOT p2',
  ),
  token_replay_countries: distinct(
    counted(locatedToken, ['token_id', attribute('source_country')], '1h', 2),
    ['token_id'],
    '1h',
    [attribute('source_country')],
    2,
  ),
  token_replay_networks: distinct(publicTokenUse, ['token_id'], '15m', [NETWORK], 6),
  unknown_issuer: matched(all(INVALID, "reason = 'unknown_issuer'")),
  unknown_issuers: distinct(
    matched(all(INVALID, "reason = 'unknown_issuer'", some('actor_issuer'), some('ip'))),
    ['ip'],
    '1h',
    ['actor_issuer'],
    3,
  ),
};
