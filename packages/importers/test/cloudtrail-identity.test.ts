import { createHash } from 'node:crypto';
import type { EventToSign } from '@sealtrail/emitter';
import { sha256 } from '@sealtrail/merkle/node';
import { describe, expect, it } from 'vitest';
import { createCloudTrailMapper } from '../src/index.ts';
import { record, type TestRecord } from './records.ts';

const map = createCloudTrailMapper(sha256());

function eventOf(parts: TestRecord = {}): EventToSign {
  const mapped = map(record(parts));
  if (mapped.kind !== 'event') throw new Error(mapped.reason);
  return mapped.event;
}

const hashOf = (text: string): Uint8Array => Uint8Array.from(createHash('sha256').update(text).digest());

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/deploy`;
const session = {
  sessionIssuer: { type: 'Role', principalId: 'AROAEXAMPLE', arn: ROLE, accountId: ACCOUNT, userName: 'deploy' },
  attributes: { creationDate: '2023-07-10T11:00:00Z', mfaAuthenticated: 'false' },
};

describe('who acted', () => {
  const cases: readonly (readonly [string, TestRecord | null | undefined, Partial<EventToSign>])[] = [
    [
      'Root',
      { type: 'Root', principalId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:root`, accountId: ACCOUNT },
      { actor_type: 'USER', actor_id: `arn:aws:iam::${ACCOUNT}:root`, actor_issuer: ACCOUNT, actor_roles: ['root'], actor_chain: [] },
    ],
    [
      'IAMUser',
      { type: 'IAMUser', principalId: 'AIDAX', arn: `arn:aws:iam::${ACCOUNT}:user/alice`, accountId: ACCOUNT, userName: 'alice' },
      { actor_type: 'USER', actor_id: `arn:aws:iam::${ACCOUNT}:user/alice`, actor_issuer: ACCOUNT, actor_roles: [], actor_chain: [] },
    ],
    [
      'IAMUser without ARN',
      { type: 'IAMUser', principalId: 'AIDAX', accountId: ACCOUNT, accessKeyId: '', userName: 'alice' },
      { actor_id: 'alice', token_id_hash: null },
    ],
    [
      'IAMUser through a service',
      {
        type: 'IAMUser',
        arn: `arn:aws:iam::${ACCOUNT}:user/alice`,
        accountId: ACCOUNT,
        invokedBy: 'AWS Internal',
        sessionContext: { sessionIssuer: {} },
      },
      { actor_type: 'USER', actor_chain: [{ issuer: null, subject: 'AWS Internal' }] },
    ],
    [
      'AssumedRole',
      {
        type: 'AssumedRole',
        principalId: 'AROAX:build-7',
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/build-7`,
        accountId: ACCOUNT,
        sessionContext: session,
      },
      {
        actor_type: 'SERVICE',
        actor_id: `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/build-7`,
        actor_issuer: ACCOUNT,
        actor_roles: [ROLE],
        actor_chain: [{ issuer: ACCOUNT, subject: ROLE }],
        token_issued_at: Date.UTC(2023, 6, 10, 11),
        session_id_hash: hashOf('AROAX:build-7\n2023-07-10T11:00:00Z'),
      },
    ],
    [
      'AssumedRole of a person',
      {
        type: 'AssumedRole',
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com`,
        accountId: ACCOUNT,
        sessionContext: { ...session, sourceIdentity: 'alice' },
      },
      {
        actor_type: 'USER',
        actor_id: `arn:aws:sts::${ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com`,
        actor_chain: [
          { issuer: ACCOUNT, subject: ROLE },
          { issuer: null, subject: 'alice' },
        ],
      },
    ],
    [
      'AssumedRole of a service',
      {
        type: 'AssumedRole',
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/AWSServiceRoleForX/y`,
        accountId: ACCOUNT,
        invokedBy: 'x.amazonaws.com',
        sessionContext: session,
      },
      {
        actor_chain: [
          { issuer: null, subject: 'x.amazonaws.com' },
          { issuer: ACCOUNT, subject: ROLE },
        ],
      },
    ],
    [
      'Role',
      { type: 'Role', principalId: 'AROAX', arn: ROLE, accountId: ACCOUNT },
      { actor_type: 'SERVICE', actor_id: ROLE, actor_issuer: ACCOUNT },
    ],
    [
      'FederatedUser',
      {
        type: 'FederatedUser',
        principalId: `${ACCOUNT}:carol`,
        arn: `arn:aws:sts::${ACCOUNT}:federated-user/carol`,
        accountId: ACCOUNT,
        sessionContext: { sessionIssuer: { type: 'IAMUser', arn: `arn:aws:iam::${ACCOUNT}:user/broker`, accountId: ACCOUNT } },
      },
      {
        actor_type: 'USER',
        actor_id: `arn:aws:sts::${ACCOUNT}:federated-user/carol`,
        actor_roles: [],
        actor_chain: [{ issuer: ACCOUNT, subject: `arn:aws:iam::${ACCOUNT}:user/broker` }],
      },
    ],
    [
      'SAMLUser',
      { type: 'SAMLUser', principalId: 'Qualifier=:dave', userName: 'dave', identityProvider: 'Qualifier=' },
      { actor_type: 'USER', actor_id: 'dave', actor_issuer: 'Qualifier=' },
    ],
    [
      'WebIdentityUser',
      { type: 'WebIdentityUser', principalId: 'accounts.example.com:app:77', userName: '77', identityProvider: 'accounts.example.com' },
      { actor_type: 'USER', actor_id: '77', actor_issuer: 'accounts.example.com' },
    ],
    [
      'IdentityCenterUser',
      {
        type: 'IdentityCenterUser',
        accountId: ACCOUNT,
        onBehalfOf: { userId: 'a1b2-user', identityStoreArn: `arn:aws:identitystore::${ACCOUNT}:identitystore/d-1` },
        credentialId: 'credential-7',
      },
      {
        actor_type: 'USER',
        actor_id: 'a1b2-user',
        actor_issuer: `arn:aws:identitystore::${ACCOUNT}:identitystore/d-1`,
        token_id_hash: hashOf('credential-7'),
      },
    ],
    [
      'Directory',
      { type: 'Directory', userName: 'erin', accountId: ACCOUNT },
      { actor_type: 'USER', actor_id: 'erin', actor_issuer: ACCOUNT },
    ],
    [
      'AWSAccount',
      { type: 'AWSAccount', principalId: 'AIDAOTHER', accountId: '444455556666' },
      { actor_type: 'SERVICE', actor_id: 'AIDAOTHER', actor_issuer: '444455556666' },
    ],
    [
      'AWSAccount, nobody',
      { type: 'AWSAccount', principalId: '', accountId: 'ANONYMOUS_PRINCIPAL' },
      { actor_type: 'ANONYMOUS', actor_id: '', actor_issuer: null, actor_chain: [] },
    ],
    [
      'AWSService',
      { type: 'AWSService', invokedBy: 'ec2.amazonaws.com' },
      { actor_type: 'SERVICE', actor_id: 'ec2.amazonaws.com', actor_issuer: null, actor_chain: [] },
    ],
    [
      'none, by a service',
      { accountId: ACCOUNT, invokedBy: 'secretsmanager.amazonaws.com' },
      { actor_type: 'SERVICE', actor_id: 'secretsmanager.amazonaws.com', actor_issuer: null, actor_chain: [] },
    ],
    ['none at all', null, { actor_type: 'SYSTEM', actor_id: 'iam.amazonaws.com', actor_issuer: null, actor_roles: [], actor_chain: [] }],
    ['no userIdentity', undefined, { actor_type: 'SYSTEM', actor_id: 'iam.amazonaws.com' }],
    [
      'Unknown',
      { type: 'Unknown', userName: 'HIDDEN', accountId: ACCOUNT },
      { actor_type: 'ANONYMOUS', actor_id: 'HIDDEN', actor_issuer: ACCOUNT },
    ],
    [
      'a type of tomorrow',
      { type: 'QuantumUser', arn: 'arn:aws:iam::1:quantum/x', accountId: ACCOUNT },
      { actor_type: 'ANONYMOUS', actor_id: 'arn:aws:iam::1:quantum/x' },
    ],
    ['not an object', 'alice' as unknown as TestRecord, { actor_type: 'SYSTEM' }],
  ];

  it.each(cases)('%s', (_, userIdentity, want) => {
    const event = eventOf({ userIdentity });
    expect(event).toMatchObject(want);
    expect(event.token_status).toBe('ABSENT');
  });

  it('gives the credential by its hash alone', () => {
    const event = eventOf();
    expect(event.token_id_hash).toEqual(hashOf('AKIAIOSFODNN7EXAMPLE'));
    expect(JSON.stringify([event, [...event.attributes]])).not.toContain('AKIAIOSFODNN7EXAMPLE');
  });

  it('names who acted in the actor columns alone', () => {
    const event = eventOf({ requestParameters: null });
    const object = JSON.stringify([event.resource_id, event.related, [...event.attributes]]);
    for (const name of ['alice', 'AIDAEXAMPLE', '192.0.2.7', 'aws-cli']) expect(object).not.toContain(name);
  });
});
