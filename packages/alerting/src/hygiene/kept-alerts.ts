import { alertCodec } from '@sealtrail/wire';
import type { Alert } from '../alert.ts';

/** An alert as kept states hold it: its canonical bytes in base64, so that they can stand in JSON. */
export type AlertBytes = string;

export const alertToState = (alert: Alert): AlertBytes => Buffer.from(alertCodec().encode(alert)).toString('base64');

export const alertFromState = (kept: AlertBytes): Alert => alertCodec().decode(Buffer.from(kept, 'base64'));
