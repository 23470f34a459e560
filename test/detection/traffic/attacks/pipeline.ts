import type { Fields } from '../event.ts';
import { type Attack, paced, type Scene } from './scene.ts';

/** What the pipeline itself finds. Not attacks all of them: a crash is a fault, and is meant to be told. */
function found(scene: Scene, at_s: number, finding: string, more: Fields = {}): void {
  const { draw, stage, tenant } = scene;
  stage.emit(at_s, {
    act: {
      finding,
      reason: null,
      producer: draw.pick(tenant.producers),
      topic: 'audit.events',
      partition: draw.int(0, 5),
      delivery: 'ROUTINE',
      ...more,
    },
  });
}
const rejected =
  (reasons: readonly string[]): Attack =>
  (scene) =>
    void paced(scene.draw, scene.start_s, scene.draw.int(1, 20), scene.draw.logBetween(0.5, 60), (at) =>
      found(scene, at, 'record_rejected', { reason: scene.draw.pick(reasons), producer: null, delivery: null }),
    );

export const forgedRecord: Attack = rejected(['signature_invalid', 'root_mismatch', 'wrong_audience', 'tenant_not_allowed']);
export const unreadableRecord: Attack = rejected(['malformed', 'not_canonical', 'unknown_schema', 'too_large', 'wrong_partition']);
export const revokedKey: Attack = rejected(['key_not_valid']);
export const unregisteredKey: Attack = rejected(['unknown_key']);
export const sequenceConflict: Attack = (scene) =>
  scene.draw.chance(0.5) ? rejected(['sequence_conflict'])(scene) : found(scene, scene.start_s, 'duplicate_conflict');
export const contradicted: Attack = (scene) => found(scene, scene.start_s, 'identity_contradicted');
export const gap: Attack = (scene) => found(scene, scene.start_s, 'sequence_gap', { count: scene.draw.int(1, 400) });
export const criticalGap: Attack = (scene) =>
  found(scene, scene.start_s, 'sequence_gap', { count: scene.draw.int(1, 4), delivery: 'CRITICAL' });
export const shed: Attack = (scene) => found(scene, scene.start_s, 'events_shed', { count: scene.draw.int(1, 90_000) });
export const silent: Attack = (scene) => found(scene, scene.start_s, 'producer_silent');
export const allSilent: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  for (const producer of tenant.producers) found(scene, start_s + draw.between(0, 300), 'producer_silent', { producer });
};
export const tampered: Attack = (scene) =>
  found(scene, scene.start_s, 'store_tampered', {
    reason: scene.draw.pick([
      'entry_altered',
      'entry_missing',
      'entry_added',
      'batch_missing',
      'manifest_altered',
      'round_missing',
      'rows_missing',
      'registry_altered',
      'tail_missing',
    ]),
  });
export const rewritten: Attack = (scene) =>
  found(scene, scene.start_s, 'store_tampered', {
    reason: scene.draw.pick([
      'checkpoint_mismatch',
      'saved_checkpoint_mismatch',
      'saved_checkpoint_ahead',
      'checkpoint_ahead',
      'commit_mismatch',
    ]),
  });
