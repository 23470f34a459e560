/** From an HTTP request to a verified proof, on whatever adapters. The same file for all of them. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Adapters, Deployment } from './deployment.ts';

const TENANTS = ['acme', 'globex', 'initech', 'umbrella', 'wayne', 'stark'];
const INVOICE = JSON.stringify({ customer_id: 'cus-1', amount_cents: 1_999, currency: 'EUR' });

export function endToEnd(name: string, open: () => Promise<Adapters>, timeout_ms: number): void {
  describe(`end to end on ${name}`, { timeout: timeout_ms }, () => {
    let deployment: Deployment;
    beforeEach(async () => {
      deployment = new Deployment(await open());
      await deployment.open();
    }, timeout_ms);
    afterEach(() => deployment.close(), timeout_ms);

    it('carries requests into entries that verify, each once, with who and how it ended', async () => {
      const ledger = deployment.startLedger();
      const { emitter, close } = await deployment.createEmitter();
      const { issuer, fetch } = await deployment.api(emitter);
      for (const tenant of TENANTS) {
        const token = await issuer.token({ sub: `clerk@${tenant}`, tenant, roles: ['clerk'], scope: 'invoices' });
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        expect((await fetch('/invoices', { method: 'POST', headers, body: INVOICE })).status).toBe(201);
        for (let n = 0; n < 20; n++) expect((await fetch('/invoices', { headers })).status).toBe(200);
        expect((await fetch('/invoices/none', { method: 'DELETE', headers })).status).toBe(403);
      }
      await issuer.close();
      await close();
      await deployment.sealed(ledger);
      expect((await ledger.stop()).kind).toBe('stopped');

      const entries = await deployment.entries();
      for (const tenant of TENANTS) {
        const own = entries.filter((entry) => entry.tenant === tenant);
        expect(own.map(({ entry }) => entry)).toEqual(Array.from({ length: 22 }, (_, i) => i));
      }
      expect(await deployment.rejected()).toEqual([]);
      expect(await deployment.fsck()).toMatchObject({ ok: true, entries: 22 * TENANTS.length, findings: [] });
      const verdict = await deployment.proof('globex', 7);
      expect(verdict.ok).toBe(true);
      const { producer_signature, inclusion, checkpoint } = verdict.axes;
      expect([producer_signature, inclusion, checkpoint].map((axis) => axis.verdict)).toEqual(['verified', 'verified', 'verified']);
    });

    it('loses and doubles nothing when ledgers come and go under load', async () => {
      const { emitter, close } = await deployment.createEmitter();
      const sent: string[] = [];
      let ledger = deployment.startLedger({ round_records_max: 3 });
      for (let life = 0; life < 4; life++) {
        for (let n = 0; n < 60; n++) {
          const event_id = new Uint8Array(randomBytes(16));
          sent.push(Buffer.from(event_id).toString('hex'));
          const tenant = TENANTS[n % TENANTS.length] as string;
          emitter.audit.request({ tenant }, () => void emitter.audit.log('invoice.read', { resource_id: `inv-${n}`, event_id }));
          if (n % 10 === 0) await emitter.flush();
        }
        expect((await ledger.stop()).kind).toBe('stopped');
        ledger = deployment.startLedger({ round_records_max: 3 });
      }
      await close();
      await deployment.sealed(ledger);
      expect((await ledger.stop()).kind).toBe('stopped');
      const stored = (await deployment.entries()).length;
      expect(stored).toBe(sent.length);
      expect(await deployment.fsck()).toMatchObject({ ok: true, entries: sent.length, findings: [] });
    });

    it('rejects what is bad with its reason, counts what comes twice, and stalls nothing', async () => {
      const ledger = deployment.startLedger();
      const producer = await deployment.log.producer();
      const key = Buffer.from('acme');
      const append = async (value: Uint8Array): Promise<void> => {
        const outcome = await producer.append([{ topic: deployment.topic, key, value }]);
        if (outcome.kind !== 'appended') throw outcome.cause;
      };
      await append(new Uint8Array(100));
      const batch = deployment.signedBatch('acme', 5);
      await append(batch);
      await append(batch);
      const forged = batch.slice();
      forged[forged.length - 40] = (forged[forged.length - 40] as number) ^ 1;
      await append(forged);
      await append(deployment.signedBatch('acme', 2));
      await producer.close();
      await deployment.sealed(ledger);
      await ledger.stop();
      expect((await deployment.entries()).map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(await deployment.duplicates()).toBe(1);
      expect((await deployment.rejected()).length).toBe(2);
      expect((await deployment.fsck()).findings).toEqual([]);
    });
  });
}
