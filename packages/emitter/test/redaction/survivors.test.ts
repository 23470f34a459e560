import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/redaction/redactor.ts';

const redactor = createRedactor({}, undefined);
const shown = (name: string, value: string | number | boolean): string | undefined =>
  redactor.attributes({ [name]: value }, { redactions: 0, scan_chars: 131_072 }).get(name);

/** What services log every day. Under an ordinary name none of it may be touched. */
const ORDINARY: readonly string[] = [
  '018f3b6e-7c3a-7bb2-9c1d-2f4e5a6b7c8d',
  '{018F3B6E-7C3A-7BB2-9C1D-2F4E5A6B7C8D}',
  '01HZX3KQ9V5T8M2N4P6R7S9W0Y',
  'd670460b4b4aece5915caf5c68d12f560a9fe3e4',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'arn:aws:iam::123456789012:role/service-role/MyLambdaRole-1A2B3C4D5E6F',
  'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'arn:aws:s3:::my-bucket/reports/2026/01/summary.parquet',
  '2026-07-14T09:26:53.589Z',
  '2026-07-14T09:26:53+02:00',
  '1790000000000',
  'inv_2024_000123',
  'INV-2026-0001234',
  'cus_9s6XKzkNRiz8i3',
  'pi_3MtwBwLkdIwHu7ix28a3tqPa',
  'projects/my-project-123/locations/europe-west1/keyRings/ring/cryptoKeys/main',
  '/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/prod/providers/Microsoft.Compute/virtualMachines/vm1',
  'i-0abcd1234efgh5678',
  'vpc-0a1b2c3d4e5f67890',
  'registry.example.com/team/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'v1.24.3-rc.2+build.5114f85',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Boto3/1.34.131 md/Botocore#1.34.131 ua/2.0 os/linux#5.15 md/arch#x86_64 lang/python#3.12.3 cfg/retry-mode#legacy',
  'https://api.example.com/v1/invoices/123?status=open&page=2&sort=-created_at',
  'postgres://db.internal:5432/app?sslmode=require',
  'GET /invoices/:id',
  '/organizations/:organizationId/projects/:projectId/invoices/:invoiceId/attachments/:attachmentId',
  'com.example.billing.invoices.InvoiceServiceImplementation2024DeleteHandler',
  'the invoice could not be deleted: it is locked by the period 2026-Q2',
  'invalid token: expired',
  'token expired at 2026-07-14T09:26:53Z',
  'Authorization: missing',
  'basic plan upgraded to business',
  'the bearer of this card may enter',
  'password changed by the administrator',
  'secret rotated',
  '4bf92f3577b34da6a3ce929d0e0e4736',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  '2001:db8:85a3::8a2e:370:7334',
  '203.0.113.195',
  '52.5200,13.4050',
  'EUR 1,250.00',
  'de-DE,de;q=0.9,en;q=0.8',
  // Digits of a UUID that pass for a card number's.
  '03f54461-3917-4452-a504-1ea1581df0c2',
  'assumed-role/worker-68d30981-2548-4874-a0e3-75eaa036d2f1/session',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'eyJ',
  'iat exp nbf aud',
  'SELECT count(*) FROM invoices WHERE customer = $1 AND status = $2',
  'k8s://prod-eu/payments/deployments/invoice-api-7d9f8b6c5d-x2x4z',
  'Überweisung an Müller & Söhne, 日本語のテキスト 🧾',
];

describe('ordinary values survive', () => {
  it.each(ORDINARY)('%s', (value) => {
    expect(shown('note', value)).toBe(value);
    expect(redactor.text('resource_id', value, 'id', 512, { redactions: 0, scan_chars: 131_072 })).toBe(value);
    expect(redactor.text('actor_id', value, 'actor', 512, { redactions: 0, scan_chars: 131_072 })).toBe(value);
  });

  it.each([
    ['file_id', '1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgVE2upms'],
    ['content_sha256', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
    ['etag', '"47DEQpj8HBSa-TImW5JCeuQeRkm5NMpJWZG3hSuFU"'],
    ['session_id', '018f3b6e-7c3a-7bb2-9c1d-2f4e5a6b7c8d'],
    ['key_id', 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'],
    ['object_key', 'reports/2026/01/quarterly-summary-final.pdf'],
    ['partition_key', 'customer-2024-0001-europe'],
    ['status_code', 'E_PERIOD_LOCKED_2026'],
    ['state', 'waiting_for_approval_2'],
    ['password_policy', 'at-least-12-characters'],
    ['token_type', 'bearer'],
    ['authorization_result', 'denied'],
    ['secret_name', 'prod/payments/stripe'],
    ['secret_arn', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/payments-AbCdEf'],
    ['prompt_tokens', 350],
    ['mfa_token', true],
    ['auth_method', 'password'],
    ['email_verified', true],
    ['file_name', 'invoice-2026.pdf'],
    ['hostname', 'api-1.prod.example.com'],
  ])('%s: %s', (name, value) => {
    expect(shown(name, value)).toBe(String(value));
  });
});
