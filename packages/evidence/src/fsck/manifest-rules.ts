import { hexOf, sameBytes } from '@sealtrail/merkle';
import { judgeKey } from '@sealtrail/seal';
import { type BatchManifest, encodeHeader, isWireName, verifyBatchSignature, WireError } from '@sealtrail/wire';
import type { PartitionCheck } from './context.ts';

/** What the manifest before leads to; null where it is not known. */
export interface ManifestExpected {
  readonly position: number;
  readonly entry: number | null;
  readonly offset: number;
  readonly recorded_at: number;
  readonly previous: Uint8Array | null;
}

export interface ManifestFault {
  readonly code: 'manifest_invalid' | 'signature_invalid' | 'key_not_in_force';
  readonly detail: string;
}

/** What a manifest that is what was sealed may still not say; null when it follows the rules of docs/spec/manifest.md. */
export function manifestFault(check: PartitionCheck, manifest: BatchManifest, expected: ManifestExpected): ManifestFault | null {
  const broken = brokenRule(check, manifest, expected);
  if (broken !== null) return { code: 'manifest_invalid', detail: broken };
  const { header, signature, registry_size, recorded_at } = manifest;
  const registry = check.registry.at(registry_size);
  // A registry that was found wrong judges nobody.
  if (registry === null) return null;
  const verdict = judgeKey(registry, header, recorded_at);
  if (verdict.kind === 'refused') {
    return {
      code: 'key_not_in_force',
      detail: `${verdict.detail}, as the registry stood at ${registry_size} records (key ${hexOf(header.key_id)}, producer ${header.producer})`,
    };
  }
  if (!verifyBatchSignature(check.input.ed25519Verify, verdict.public_key, header.key_id, encodeHeader(header), signature)) {
    return { code: 'signature_invalid', detail: `the signature of ${header.producer} does not verify` };
  }
  return null;
}

function brokenRule({ key, input, registrySizes }: PartitionCheck, manifest: BatchManifest, expected: ManifestExpected): string | null {
  const { header } = manifest;
  if (manifest.version !== 1 || header.version !== 1 || header.suite !== 1) return 'its version or suite is not known to this build';
  if (manifest.topic !== key.topic || manifest.incarnation !== key.incarnation || manifest.partition !== key.partition)
    return 'it names another partition';
  if (header.audience !== input.audience) return 'it was meant for another deployment';
  if (!isEncodable(manifest)) return 'its header has no encoding';
  if (header.kind === 'DATA' ? header.count < 1 : header.count !== 0) return `a ${header.kind} batch of ${header.count} events`;
  if (manifest.position !== expected.position) return `it says position ${manifest.position}`;
  if (expected.position > 0 && manifest.predecessor !== null) return 'it names a predecessor and is not the first';
  if (expected.position === 0 && manifest.previous.some((byte) => byte !== 0)) return 'it is the first and names one before it';
  if (expected.entry !== null && manifest.first_entry !== expected.entry)
    return `its entries begin at ${manifest.first_entry}, ${expected.entry} is next`;
  if (expected.previous !== null && !sameBytes(manifest.previous, expected.previous)) return 'it names another manifest before it';
  if (manifest.offset <= expected.offset) return `its offset ${manifest.offset} is not beyond that of the manifest before it`;
  if (manifest.recorded_at < expected.recorded_at) return 'it was recorded before the manifest before it';
  const size = sizeAt(registrySizes, manifest.offset);
  if (size !== null && size !== manifest.registry_size) return `it records ${manifest.registry_size} key records, its round ${size}`;
  return null;
}

function isEncodable({ header }: BatchManifest): boolean {
  if (![header.audience, header.tenant, header.producer].every(isWireName)) return false;
  try {
    encodeHeader(header);
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

function sizeAt(steps: PartitionCheck['registrySizes'], offset: number): number | null {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle] as { readonly from: number }).from > offset) high = middle;
    else low = middle + 1;
  }
  return steps[low - 1]?.size ?? null;
}
