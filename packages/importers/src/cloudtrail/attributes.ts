import { isObject, type JsonObject, listOf, own, textAt } from './json.ts';

/** Facts about the call that become attributes under their own names. Nothing here names who acted. */
export const ENVELOPE: readonly string[] = [
  'eventSource',
  'eventName',
  'awsRegion',
  'recipientAccountId',
  'eventType',
  'eventCategory',
  'readOnly',
  'managementEvent',
  'errorMessage',
  'requestID',
  'apiVersion',
  'sharedEventID',
  'vpcEndpointId',
  'vpcEndpointAccountId',
  'sessionCredentialFromConsole',
  'userIdentity.type',
  'userIdentity.invokedBy',
  'userIdentity.sessionContext.attributes.mfaAuthenticated',
  'userIdentity.sessionContext.sessionIssuer.type',
  'userIdentity.sessionContext.ec2RoleDelivery',
];

/** Holds what stands in the place of an address when an AWS service made the call. */
export const SOURCE_SERVICE = 'source_service';

/** Parts of the record that are flattened: each leaf is an attribute named by its path. */
export const FLATTENED: readonly string[] = [
  'requestParameters',
  'responseElements',
  'additionalEventData',
  'serviceEventDetails',
  'insightDetails',
  'edgeDeviceDetails',
  'addendum',
  'tlsDetails',
];

/** Leaves that are noise: ids that AWS support asks for. Compared with the last piece of the path. */
export const LEFT_OUT: readonly string[] = ['x-amz-id-2', 'xmlns'];

/**
 * Names whose values are masked whole, beyond those that the emitter knows. Compared without case with every piece of the
 * path; AWS hides most of these values itself.
 */
export const MASKED_NAMES: readonly string[] = [
  'authParameters',
  'ciphertextBlob',
  'environment',
  'keyMaterial',
  'passwordData',
  'plaintext',
  'preSharedKey',
  'secretBinary',
  'secretString',
  'tokenCode',
  'userData',
];

const MASKED = new Set(MASKED_NAMES.map((name) => name.toLowerCase()));
const SKIPPED = new Set(LEFT_OUT);
const DEPTH_MAX = 12;
const LEAVES_MAX = 1_024;
/** Stands for what is nested deeper: written out it could hold a secret that its name no longer shows. */
const TOO_DEEP = '[nested]';

export interface Flattened {
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Names of attributes whose values are secrets by where they stand. */
  readonly secret: ReadonlySet<string>;
}

/**
 * The record's facts as attributes, unmasked. Lists of plain values become one value with commas, items of other lists are
 * numbered; `{"items":[…]}` counts as the list in it.
 */
export function attributesOf(record: JsonObject): Flattened {
  const attributes: Record<string, string | number | boolean> = {};
  const secret = new Set<string>();
  let room = LEAVES_MAX;
  const leaf = (path: string, value: string | number | boolean, isSecret: boolean): void => {
    if (room-- <= 0) return;
    attributes[path] = value;
    if (isSecret) secret.add(path);
  };
  const flatten = (value: unknown, path: string, depth: number, isSecret: boolean): void => {
    if (value === null || value === undefined) return;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return leaf(path, value, isSecret);
    if (depth > DEPTH_MAX) return leaf(path, TOO_DEEP, false);
    const list = listOf(value);
    if (list !== null) {
      if (list.every(isPlain)) return list.length > 0 ? leaf(path, list.map(String).join(','), isSecret) : undefined;
      for (const [i, item] of list.entries()) flatten(item, `${path}.${i}`, depth + 1, isSecret);
      return;
    }
    if (!isObject(value)) return;
    const holdsSecret = isSecret || textAt(value, 'type') === 'SecureString';
    for (const name of Object.keys(value)) {
      if (SKIPPED.has(name)) continue;
      const hidden = isSecret || MASKED.has(name.toLowerCase()) || (holdsSecret && name === 'value');
      flatten(own(value, name), `${path}.${name}`, depth + 1, hidden);
    }
  };
  for (const path of ENVELOPE) {
    const value = at(record, path);
    if (isPlain(value)) leaf(path, value, false);
  }
  for (const name of FLATTENED) flatten(own(record, name), name, 0, false);
  return { attributes, secret };
}

const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

function at(record: JsonObject, path: string): unknown {
  let value: unknown = record;
  for (const name of path.split('.')) value = isObject(value) ? own(value, name) : undefined;
  return value;
}
