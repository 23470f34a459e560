import type { EventToSign } from '@sealtrail/emitter';
import { sha256 } from '@sealtrail/merkle/node';
import { EVENT_BYTES_MAX } from '@sealtrail/wire';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCloudTrailMapper } from '../src/index.ts';
import { record, type TestRecord } from './records.ts';

const map = createCloudTrailMapper(sha256());

function eventOf(parts: TestRecord = {}): EventToSign {
  const mapped = map(record(parts));
  if (mapped.kind !== 'event') throw new Error(mapped.reason);
  return mapped.event;
}

const attribute = (parts: TestRecord, name: string): string | undefined => eventOf(parts).attributes.get(name);
const ACCOUNT = '111122223333';

describe('from where', () => {
  it.each([
    ['192.0.2.7', '00000000000000000000ffffc0000207'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
  ])('%s is an address', (sourceIPAddress, hex) => {
    const event = eventOf({ sourceIPAddress });
    expect(Buffer.from(event.source_ip ?? []).toString('hex')).toBe(hex);
    expect(event.attributes.has('source_service')).toBe(false);
  });

  it.each(['cloudtrail.amazonaws.com', 'AWS Internal', '300.1.2.3'])('%s is none, and is kept', (sourceIPAddress) => {
    const event = eventOf({ sourceIPAddress });
    expect(event.source_ip).toBeNull();
    expect(event.attributes.get('source_service')).toBe(sourceIPAddress);
  });
});

describe('what and when', () => {
  it('takes id, time and action', () => {
    const event = eventOf({ eventID: '875240AC-e821-4fc6-a311-8c352a1d20f5', eventTime: '2023-07-10T11:42:18.250Z' });
    expect(Buffer.from(event.event_id).toString('hex')).toBe('875240ace8214fc6a3118c352a1d20f5');
    expect(event.occurred_at).toBe(Date.UTC(2023, 6, 10, 11, 42, 18, 250) * 1_000);
    expect(event.action).toBe('iam:CreateUser');
  });

  it.each([
    ['iam.amazonaws.com', 'CreateUser', 'iam:CreateUser'],
    ['runtime.lex.amazonaws.com', 'PostText', 'runtime.lex:PostText'],
    ['ec2.amazonaws.com.cn', 'RunInstances', 'ec2:RunInstances'],
    ['aws.partner/example.com', 'Some Event\u0007', 'aws.partner/example.com:Some_Event_'],
  ])('%s %s is %s', (eventSource, eventName, action) => {
    expect(eventOf({ eventSource, eventName }).action).toBe(action);
  });

  it.each([
    [null, 'JSON object'],
    [[], 'JSON object'],
    ['x', 'JSON object'],
    [record({ eventID: 'not-a-uuid' }), 'eventID'],
    [record({ eventID: undefined }), 'eventID'],
    [record({ eventTime: 'yesterday' }), 'eventTime'],
    [record({ eventTime: '2023-07-10' }), 'eventTime'],
    [record({ eventTime: '1969-12-31T23:59:59Z' }), 'eventTime'],
    [record({ eventTime: 1_688_989_338 }), 'eventTime'],
    [record({ eventName: '' }), 'eventName'],
    [record({ eventSource: null }), 'eventSource'],
  ])('refuses %o', (bad, why) => {
    const mapped = map(bad);
    expect(mapped.kind).toBe('rejected');
    expect(mapped.kind === 'rejected' && mapped.reason).toContain(why);
  });
});

describe('what came of it', () => {
  it.each([
    [{}, 'SUCCESS', null],
    [{ errorCode: 'AccessDenied' }, 'DENIED', 'AccessDenied'],
    [{ errorCode: 'AccessDeniedException' }, 'DENIED', 'AccessDeniedException'],
    [{ errorCode: 'Client.UnauthorizedOperation', errorMessage: 'no' }, 'DENIED', 'Client.UnauthorizedOperation'],
    [{ errorCode: 'ExpiredTokenException' }, 'DENIED', 'ExpiredTokenException'],
    [{ errorCode: 'AuthorizationErrorException' }, 'FAILURE', 'AuthorizationErrorException'],
    [{ errorCode: 'AuthorizationError' }, 'DENIED', 'AuthorizationError'],
    [{ errorCode: 'NoSuchBucketPolicy' }, 'FAILURE', 'NoSuchBucketPolicy'],
    [{ errorCode: 'ThrottlingException' }, 'FAILURE', 'ThrottlingException'],
    [{ errorCode: 'InternalFailure' }, 'ERROR', 'InternalFailure'],
    [{ errorCode: 'InternalServerError' }, 'ERROR', 'InternalServerError'],
    [{ errorCode: 'Server.InsufficientInstanceCapacity' }, 'ERROR', 'Server.InsufficientInstanceCapacity'],
    [{ errorMessage: 'something' }, 'FAILURE', 'something'],
    [
      { eventName: 'ConsoleLogin', responseElements: { ConsoleLogin: 'Failure' }, errorMessage: 'Failed authentication' },
      'DENIED',
      'Failed authentication',
    ],
  ])('%o is %s', (parts, outcome, reason) => {
    expect(eventOf(parts)).toMatchObject({ outcome, reason });
  });

  it.each([
    [{ eventSource: 's3.amazonaws.com', eventName: 'GetObject', readOnly: true }, 'INFORMATIONAL'],
    [{ eventSource: 's3.amazonaws.com', eventName: 'DescribeX', readOnly: undefined }, 'INFORMATIONAL'],
    [{ eventSource: 's3.amazonaws.com', eventName: 'PutObject', readOnly: undefined }, 'LOW'],
    [{ eventSource: 's3.amazonaws.com', eventName: 'DeleteBucket' }, 'LOW'],
    [{ eventSource: 's3.amazonaws.com', eventName: 'GetObject', readOnly: true, errorCode: 'AccessDenied' }, 'MEDIUM'],
    [{ eventName: 'CreateUser' }, 'MEDIUM'],
    [{ eventSource: 'cloudtrail.amazonaws.com', eventName: 'StopLogging' }, 'HIGH'],
    [{ userIdentity: { type: 'Root', arn: 'arn:aws:iam::1:root' }, eventSource: 's3.amazonaws.com', eventName: 'PutObject' }, 'HIGH'],
    [{ userIdentity: { type: 'Root', arn: 'arn:aws:iam::1:root' }, eventName: 'GetUser', readOnly: true }, 'INFORMATIONAL'],
  ])('%o weighs %s', (parts, severity) => {
    expect(eventOf(parts).severity).toBe(severity);
  });
});

describe('what was acted on', () => {
  it('takes the listed resources first', () => {
    const event = eventOf({
      resources: [
        { accountId: ACCOUNT, ARN: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf' },
        { type: 'AWS::KMS::Key', ARN: 'arn:aws:kms:us-east-1:111122223333:key/1' },
        { type: 'AWS::KMS::Key', ARN: 'arn:aws:kms:us-east-1:111122223333:key/1' },
        { ARN: '' },
        'x',
      ],
    });
    expect(event.resource_type).toBe('AWS::SecretsManager::Secret');
    expect(event.resource_id).toBe('arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf');
    expect(event.related).toEqual([{ type: 'AWS::KMS::Key', id: 'arn:aws:kms:us-east-1:111122223333:key/1' }]);
  });

  it.each([
    [
      { requestParameters: { userName: 'bob', policyArn: 'arn:aws:iam::aws:policy/X' } },
      'AWS::IAM::User',
      'bob',
      [{ type: 'AWS::IAM::Policy', id: 'arn:aws:iam::aws:policy/X' }],
    ],
    [
      { eventSource: 'ec2.amazonaws.com', requestParameters: { instancesSet: { items: [{ instanceId: 'i-1' }, { instanceId: 'i-2' }] } } },
      'AWS::EC2::Instance',
      'i-1',
      [{ type: 'AWS::EC2::Instance', id: 'i-2' }],
    ],
    [
      { eventSource: 'ssm.amazonaws.com', eventName: 'GetParameters', requestParameters: { names: ['/a', '/b'] } },
      'AWS::SSM::Parameter',
      '/a',
      [{ type: 'AWS::SSM::Parameter', id: '/b' }],
    ],
    [
      { eventSource: 'ssm.amazonaws.com', eventName: 'GetDocument', requestParameters: { name: 'AWS-X' } },
      'AWS::SSM::Document',
      'AWS-X',
      [],
    ],
    [{ eventSource: 'account.amazonaws.com', requestParameters: { RegionName: 'x' } }, 'account', '', []],
    [{ requestParameters: { userName: { toString: 1 } } }, 'iam', '', []],
    [{ requestParameters: 'text' }, 'iam', '', []],
  ])('%o', (parts, resource_type, resource_id, related) => {
    expect(eventOf(parts)).toMatchObject({ resource_type, resource_id, related });
  });

  it('keeps 32 related targets at most', () => {
    const items = Array.from({ length: 100 }, (_, i) => ({ instanceId: `i-${i}` }));
    const event = eventOf({ eventSource: 'ec2.amazonaws.com', requestParameters: { instancesSet: { items } } });
    expect(event.related).toHaveLength(32);
    expect(event.redactions).toBeGreaterThan(0);
  });
});

describe('attributes', () => {
  it('flattens parameters, and numbers the items of lists', () => {
    const { attributes } = eventOf({
      requestParameters: {
        ipPermissions: { items: [{ fromPort: 22, ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] } }, { fromPort: 80 }] },
        names: ['a', 'b'],
        dryRun: false,
        nothing: null,
        empty: [],
        acl: '',
      },
    });
    expect(Object.fromEntries([...attributes].filter(([name]) => name.startsWith('requestParameters')))).toEqual({
      'requestParameters.ipPermissions.0.fromPort': '22',
      'requestParameters.ipPermissions.0.ipRanges.0.cidrIp': '0.0.0.0/0',
      'requestParameters.ipPermissions.1.fromPort': '80',
      'requestParameters.names': 'a,b',
      'requestParameters.dryRun': 'false',
      'requestParameters.acl': '',
    });
    expect(attributes.get('readOnly')).toBe('false');
  });

  it('keeps both ends of a long path, and two that look alike apart', () => {
    const deep = (status: string) => ({ aRatherLongNameOfOneThing: { anotherRatherLongNameOfThings: { status } } });
    const { attributes } = eventOf({ responseElements: { one: deep('a'), two: deep('b') } });
    const found = [...attributes].filter(([name]) => name.endsWith('.status') || name.includes('.status+'));
    expect(found).toEqual([
      ['responseElements..anotherRatherLongNameOfThings.status', 'a'],
      ['responseElements..anotherRatherLongNameOfThings.status+', 'b'],
    ]);
  });

  it('counts what is more than it keeps', () => {
    const requestParameters = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, 'x']));
    const { attributes } = eventOf({ requestParameters });
    expect(attributes.size).toBe(129);
    expect(Number(attributes.get('sealtrail.attributes_dropped'))).toBeGreaterThan(370);
  });

  it('survives any depth, and names of the prototype', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}"hunter2"${'}'.repeat(100_000)}`);
    const hostile = JSON.parse('{"__proto__":{"x":"1"},"constructor":"c","toString":"t"}');
    const { attributes } = eventOf({ requestParameters: deep, responseElements: hostile });
    expect(attributes.get(`requestParameters${'.a'.repeat(13)}`)).toBe('[nested]');
    expect(attributes.get('responseElements.__proto__.x')).toBe('1');
    expect(attributes.get('responseElements.constructor')).toBe('c');
  });
});

describe('secrets', () => {
  /** Nothing about it looks like a secret: where it stands must tell. */
  const SECRET = 'hunter2';
  it.each([
    { responseElements: { credentials: { accessKeyId: 'ASIAIOSFODNN7EXAMPLE', sessionToken: SECRET, secretAccessKey: SECRET } } },
    { requestParameters: { masterUserPassword: SECRET } },
    { requestParameters: { name: '/db', type: 'SecureString', value: SECRET } },
    { requestParameters: { items: [{ type: 'SecureString', value: [SECRET, SECRET] }] } },
    { requestParameters: { userData: SECRET } },
    { requestParameters: { userData: { value: SECRET } } },
    { requestParameters: { secretString: SECRET } },
    { requestParameters: { environment: { variables: { DB: SECRET } } } },
    { requestParameters: { containerDefinitions: [{ environment: [{ name: 'DB', value: SECRET }] }] } },
    { responseElements: { aLongNameThatIsInTheWay: { credentials: { anotherLongNameInTheWay: { evenMoreNames: SECRET } } } } },
    { responseElements: { keyMaterial: SECRET } },
    { requestParameters: { url: `https://root:${SECRET}@db.example.com/` } },
    { errorMessage: `password=${SECRET} is wrong` },
    { userAgent: `x Authorization: Bearer ${SECRET}` },
    { additionalEventData: { note: `eyJhbGciOiJFUzI1NiJ9.${SECRET}.${SECRET}` } },
  ])('leaves none of %o', (parts) => {
    const event = eventOf(parts);
    expect(JSON.stringify([event, [...event.attributes]])).not.toContain('hunter2');
    expect(event.redactions).toBeGreaterThan(0);
  });

  it('counts each mask once', () => {
    expect(eventOf().redactions).toBe(0);
    expect(eventOf({ requestParameters: { userData: SECRET } }).redactions).toBe(1);
    expect(eventOf({ requestParameters: { masterUserPassword: SECRET } }).redactions).toBe(1);
  });

  it('does not take facts for secrets', () => {
    const secretId = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf';
    const parts = { sessionCredentialFromConsole: 'true', eventSource: 'secretsmanager.amazonaws.com', requestParameters: { secretId } };
    expect(attribute(parts, 'sessionCredentialFromConsole')).toBe('true');
    expect(attribute(parts, 'requestParameters.secretId')).toBe(secretId);
    expect(eventOf(parts)).toMatchObject({ resource_id: secretId, redactions: 0 });
  });
});

describe('size', () => {
  const large = (text: string, count = 200): TestRecord => ({
    requestParameters: Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, text])),
  });

  it.each([
    ['values of 4,000 characters', large('word '.repeat(800)), 1_024, 100],
    ['values of 4,000 characters in three bytes each', large('語'.repeat(4_000)), 256, 64],
  ])('shrinks %s', (_, parts, chars_max, chars_min) => {
    const mapped = map(record(parts));
    if (mapped.kind !== 'event') throw new Error(mapped.reason);
    expect(mapped.bytes).toBeLessThanOrEqual(EVENT_BYTES_MAX);
    const value = mapped.event.attributes.get('requestParameters.field0') ?? '';
    expect(value.length).toBeLessThanOrEqual(chars_max);
    expect(value.length).toBeGreaterThanOrEqual(chars_min);
    expect(map(record(parts))).toEqual(mapped);
  });

  it('keeps the facts about the call when nothing else helps', () => {
    const resources = Array.from({ length: 40 }, (_, i) => ({ type: 'T'.repeat(128), ARN: '語'.repeat(500) + i }));
    const event = eventOf({ ...large('語'.repeat(64)), resources });
    expect(event.related).toEqual([]);
    expect(event.attributes.get('sealtrail.dropped')).toBe('attributes related');
    expect(event.attributes.get('eventName')).toBe('CreateUser');
    expect(event.attributes.has('requestParameters.field0')).toBe(false);
  });

  it('maps whatever a record holds to an event that can be encoded, always the same', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            userIdentity: fc.anything({ maxDepth: 3 }),
            requestParameters: fc.object({ maxDepth: 4, maxKeys: 20 }),
            responseElements: fc.anything(),
            resources: fc.array(fc.record({ ARN: fc.string({ unit: 'binary' }), type: fc.string() })),
            sourceIPAddress: fc.string({ unit: 'binary' }),
            userAgent: fc.string({ unit: 'binary', maxLength: 2_000 }),
            errorCode: fc.string({ unit: 'binary' }),
            eventName: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
            readOnly: fc.anything(),
          },
          { requiredKeys: [] },
        ),
        (parts) => {
          const text = JSON.stringify(record(parts as TestRecord));
          const mapped = map(JSON.parse(text));
          expect(mapped.kind).toBe('event');
          expect(map(JSON.parse(text))).toEqual(mapped);
        },
      ),
    );
  });
});
