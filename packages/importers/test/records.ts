/** Synthetic CloudTrail records: as AWS documents them, with made-up values. */

export type TestRecord = Record<string, unknown>;

const ACCOUNT = '111122223333';

export const uuidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;

/** A harmless call; parts of it can be replaced. */
export function record(parts: TestRecord = {}): TestRecord {
  return {
    eventVersion: '1.08',
    userIdentity: {
      type: 'IAMUser',
      principalId: 'AIDAEXAMPLE',
      arn: `arn:aws:iam::${ACCOUNT}:user/alice`,
      accountId: ACCOUNT,
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      userName: 'alice',
    },
    eventTime: '2023-07-10T11:42:18Z',
    eventSource: 'iam.amazonaws.com',
    eventName: 'CreateUser',
    awsRegion: 'us-east-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: 'aws-cli/2.13.5',
    requestParameters: { userName: 'bob' },
    responseElements: null,
    requestID: '0a1b2c3d-0000-4000-8000-00000000abcd',
    eventID: uuidOf(1),
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: 'Management',
    ...parts,
  };
}

export const numbered = (count: number, from = 0): TestRecord[] =>
  Array.from({ length: count }, (_, i) => record({ eventID: uuidOf(from + i + 1) }));

export const jsonLines = (records: readonly unknown[]): string =>
  records.map((item) => `${typeof item === 'string' ? item : JSON.stringify(item)}\n`).join('');

/** Text as a stream of chunks of `size` bytes. */
export async function* chunksOf(text: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
