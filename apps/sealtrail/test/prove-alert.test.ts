import { describe, expect, it } from 'vitest';
import { sampleAlert } from '../../../packages/alerting/test/sample.ts';
import type { DeploymentStore } from '../src/deployment/adapters.ts';
import { proveAlert } from '../src/deployment/alert-answers.ts';

/** A store whose batch at the finding's record was accepted and sealed, as that behind a gap in a producer's numbers is. */
const storeWith = (alert: ReturnType<typeof sampleAlert>): DeploymentStore =>
  ({
    alerts: { alert: async () => ({ alert }) },
    async *manifests() {
      yield [{ tenant: alert.tenant, manifest: { first_entry: 40, log: new Uint8Array(32) } }];
    },
  }) as unknown as DeploymentStore;

describe('proveAlert', () => {
  it('proves no event for a finding of the pipeline, though events of its record are sealed', async () => {
    const evidence = sampleAlert('gap').evidence.map((place) => ({ ...place, leaf_hash: new Uint8Array(32) }));
    const alert = sampleAlert('gap', { evidence });
    const { proofs } = await proveAlert(storeWith(alert), Buffer.from(alert.id).toString('hex'));
    expect(proofs).toHaveLength(2);
    for (const { entry, proof, reason } of proofs) {
      expect([entry, proof]).toEqual([null, null]);
      expect(reason).toBe('it is a finding about the record at this offset, and no event');
    }
  });
});
