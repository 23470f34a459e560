import { type JsonObject, textAt } from './json.ts';

const ACTION_CHARS_MAX = 128;
const SERVICE_SUFFIX = /\.amazonaws\.com(?:\.cn)?$/;
const NOT_IN_A_NAME = /[^A-Za-z0-9._:/-]/g;

/** `eventSource` without `.amazonaws.com`: `iam`. */
export function serviceOf(record: JsonObject): string | null {
  return textAt(record, 'eventSource')?.replace(SERVICE_SUFFIX, '').replace(NOT_IN_A_NAME, '_') ?? null;
}

/** Service and call, as IAM policies write actions: `iam:CreateUser`. null when one is missing. */
export function actionOf(record: JsonObject): string | null {
  const service = serviceOf(record);
  const call = textAt(record, 'eventName');
  return service === null || call === null ? null : `${service}:${call.replace(NOT_IN_A_NAME, '_')}`.slice(0, ACTION_CHARS_MAX);
}
