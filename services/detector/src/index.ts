export { addressText } from './address-text.ts';
export {
  ALERTS_TOPIC,
  type AlertPipeline,
  type AlertPipelineEvents,
  type AlertPipelineOptions,
  createAlertPipeline,
} from './alert-pipeline.ts';
export { type Alerting, type AlertingFileOptions, alertingFrom, NO_ALERTING, readAlerting } from './alerting-file.ts';
export { AuditFields, auditDetectionEvent, type EventOrigin, storedDetectionEvent } from './audit-event.ts';
export { type BacktestAlert, type BacktestResult, type BacktestTally, backtest } from './backtest.ts';
export { canaryLog, canaryMetrics, type SendCanariesOptions, sendCanaries } from './canaries.ts';
export {
  CANARY_DEFAULTS,
  CANARY_RULE_ID,
  type CanaryAnswered,
  type CanaryCounts,
  type CanaryHealth,
  type CanarySettings,
  type CanaryTarget,
  CanaryWatch,
  canaryTargets,
  isCanaryAlert,
} from './canary.ts';
export { type CanaryEmitterOptions, createCanaryEmitter } from './canary-emitter.ts';
export { type CanaryKeyOptions, openCanaryKey } from './canary-key.ts';
export { type CanaryEvents, type CanaryOptions, type CanaryPorts, type CanaryRun, startCanaries } from './canary-run.ts';
export { type AlertTopic, followCanaryAlerts } from './canary-topic.ts';
export { createDetector, type Detector, type DetectorOptions } from './detector.ts';
export { alertLog, detectorLog } from './detector-log.ts';
export { type FollowedActions, followActions, standingSilences } from './follow-actions.ts';
export { type Forgotten, forgottenOf } from './forgotten-watch.ts';
export { alertStateFile } from './kept-state.ts';
export { OPERATOR_TENANT, type StoreFinding } from './pipeline-event.ts';
export * from './ports.ts';
export { queueAgain } from './queue-again.ts';
export {
  CLOUDTRAIL_PIPELINE,
  type DetectionOptions,
  type LoadedDetection,
  loadDetection,
  RuleFileError,
  readRuleTestFiles,
  SHIPPED_RULES,
  STORED_PIPELINE,
} from './rule-files.ts';
export { raiseStoreAlerts, type StoreAlertsOptions } from './store-alerts.ts';
