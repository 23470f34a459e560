import type { Outcome, RestSection, Severity } from '@sealtrail/wire';
import { actionOf } from './action.ts';
import { type JsonObject, own, textAt } from './json.ts';

/**
 * Error codes that mean: not allowed. Compared without a `Client.` or `Server.` before and without `Exception`, `Error` or
 * `Fault` behind. docs/importing-cloudtrail.md shows this list and the next.
 */
export const DENIED_CODES: readonly string[] = [
  'AccessDenied',
  'AuthFailure',
  'Authorization',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  'MissingAuthenticationToken',
  'NotAuthorized',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'Unauthorized',
  'UnauthorizedAccess',
  'UnauthorizedOperation',
  'UnrecognizedClient',
];

/** Error codes that are the service's own fault; every code that began with `Server.` is too. All others are the caller's. */
export const ERROR_CODES: readonly string[] = [
  'Internal',
  'InternalFailure',
  'InternalServer',
  'InternalService',
  'ServiceFailure',
  'ServiceUnavailable',
  'Unavailable',
];

const DENIED = new Set(DENIED_CODES);
const ERRORS = new Set(ERROR_CODES);

/** What came of the call, and the code that says why. */
export function outcomeOf(record: JsonObject): Pick<RestSection, 'outcome' | 'reason'> {
  const code = textAt(record, 'errorCode');
  if (code !== null) return { outcome: outcomeOfCode(code), reason: code };
  const message = textAt(record, 'errorMessage');
  // A refused sign-in carries no code.
  if (textAt(record, 'responseElements', 'ConsoleLogin') === 'Failure') return { outcome: 'DENIED', reason: message ?? 'ConsoleLogin' };
  return message === null ? { outcome: 'SUCCESS', reason: null } : { outcome: 'FAILURE', reason: message };
}

function outcomeOfCode(code: string): Outcome {
  const bare = code.replace(/^(?:Client|Server)\./, '').replace(/(?:Exception|Error|Fault)$/, '');
  if (DENIED.has(bare)) return 'DENIED';
  return ERRORS.has(bare) || code.startsWith('Server.') ? 'ERROR' : 'FAILURE';
}

/** Acts that switch off what would have seen the next one. */
export const WATCH_ACTIONS: readonly string[] = [
  'cloudtrail:DeleteEventDataStore',
  'cloudtrail:DeleteTrail',
  'cloudtrail:PutEventSelectors',
  'cloudtrail:StopLogging',
  'cloudtrail:UpdateTrail',
  'config:DeleteConfigurationRecorder',
  'config:DeleteDeliveryChannel',
  'config:StopConfigurationRecorder',
  'ec2:DeleteFlowLogs',
  'guardduty:DeleteDetector',
  'guardduty:DisassociateFromMasterAccount',
  'guardduty:UpdateDetector',
  'logs:DeleteLogGroup',
  'organizations:LeaveOrganization',
  'securityhub:DisableSecurityHub',
];

const WATCH = new Set(WATCH_ACTIONS);
const READS = /^(?:BatchGet|Describe|Get|Head|List|Lookup|Search)/;

/**
 * HIGH: a change by the root user, or to what watches. MEDIUM: a refusal, a change to identities or their rights, a
 * sign-in that failed. LOW: any other change. INFORMATIONAL: what only reads.
 */
export function severityOf(record: JsonObject, outcome: Outcome): Severity {
  const reads = isRead(record);
  const action = actionOf(record) ?? '';
  if (!reads && (textAt(record, 'userIdentity', 'type') === 'Root' || WATCH.has(action))) return 'HIGH';
  if (outcome === 'DENIED' || (!reads && action.startsWith('iam:'))) return 'MEDIUM';
  return reads ? 'INFORMATIONAL' : 'LOW';
}

/** Older records do not say; then the name of the call does. */
function isRead(record: JsonObject): boolean {
  const said = own(record, 'readOnly');
  if (typeof said === 'boolean') return said;
  return typeof said === 'string' ? said === 'true' : READS.test(textAt(record, 'eventName') ?? '');
}
