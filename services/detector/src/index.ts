export { addressText } from './address-text.ts';
export { auditDetectionEvent, fieldOf } from './audit-event.ts';
export { createDetector, type Detector, type DetectorOptions } from './detector.ts';
export { OPERATOR_TENANT } from './pipeline-event.ts';
export * from './ports.ts';
