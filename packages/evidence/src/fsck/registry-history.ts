import type { KeyRecordRow } from '@sealtrail/ledger-store';
import { appendLeaf, EMPTY_FRONTIER, type Frontier, frontierRoot, type Sha256, sameBytes } from '@sealtrail/merkle';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';
import { keyRecordCodec } from '@sealtrail/wire';
import type { Findings } from './findings.ts';

/** A root that a round records over the registry as it was. */
export interface RecordedRoot {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Choices among doubled records that are tried at most. */
const CHOICES_MAX = 64;
const SNAPSHOTS_MAX = 64;

/**
 * The stored key registry, with its root at every size. Rounds are held against it in any order of partitions; what does
 * not agree is found once, at the first record that can be wrong.
 */
export class RegistryHistory {
  readonly #sha256: Sha256;
  readonly #findings: Findings;
  readonly #records: readonly Uint8Array[];
  readonly #roots: readonly Uint8Array[];
  /** Records below are bound by a root that a round records; those from `#wrong` on cannot be relied on. */
  #bound = 0;
  #wrong = Number.POSITIVE_INFINITY;
  readonly #snapshots = new Map<number, Registry>();

  constructor(sha256: Sha256, rows: readonly KeyRecordRow[], recorded: RecordedRoot | null, findings: Findings) {
    this.#sha256 = sha256;
    this.#findings = findings;
    const candidates: Uint8Array[][] = [];
    for (const { index, bytes } of rows) {
      if (index < candidates.length) {
        candidates[index]?.push(bytes);
        findings.add('registry_added', null, {
          detail: `key record ${index} is there more than once, with different bytes; remove what is not in the registry's stream`,
        });
      } else if (index === candidates.length) candidates.push([bytes]);
      else {
        this.#wrong = candidates.length;
        findings.add('registry_missing', null, {
          detail: `key records from ${candidates.length} up to ${index} are missing; copy them from the registry's stream`,
        });
        break;
      }
    }
    this.#records = chooseRecords(sha256, candidates, recorded);
    this.#roots = rootsOf(sha256, this.#records);
  }

  /** Holds what a round records against the stored registry; false when it is the round that cannot be right. */
  agrees({ size, root }: RecordedRoot): boolean {
    if (size > this.#wrong) return true;
    if (size > this.#records.length) {
      this.#wrong = this.#records.length;
      this.#findings.add('registry_missing', null, {
        detail: `a round relies on ${size} key records, ${this.#records.length} are there; copy the others from the registry's stream`,
      });
    } else if (sameBytes(this.#roots[size] as Uint8Array, root)) this.#bound = Math.max(this.#bound, size);
    else if (size <= this.#bound) return false;
    else {
      this.#wrong = this.#bound;
      const which = size - this.#bound === 1 ? `key record ${this.#bound} is` : `one of the key records ${this.#bound} to ${size - 1} is`;
      this.#findings.add('registry_altered', null, {
        detail: `${which} not what it was; compare with the registry's stream and restore it`,
      });
    }
    return true;
  }

  /** The registry as it was at a size; null when it is not there or was found wrong. */
  at(size: number): Registry | null {
    if (size > this.#records.length || size > this.#wrong || size < 0) return null;
    let snapshot = this.#snapshots.get(size);
    if (snapshot === undefined) {
      let base = emptyRegistry(this.#sha256);
      for (const [known, registry] of this.#snapshots) if (known < size && known >= base.size) base = registry;
      snapshot = extendRegistry(this.#sha256, base, this.#records.slice(base.size, size));
      if (this.#snapshots.size >= SNAPSHOTS_MAX) this.#snapshots.delete(this.#snapshots.keys().next().value as number);
      this.#snapshots.set(size, snapshot);
    }
    return snapshot;
  }
}

/** Of records that are there twice, those that give the root which a round records; the first ones when none do. */
function chooseRecords(
  sha256: Sha256,
  candidates: readonly (readonly Uint8Array[])[],
  recorded: RecordedRoot | null,
): readonly Uint8Array[] {
  const choices = candidates.reduce((product, { length }) => product * length, 1);
  const firsts = candidates.map(([first]) => first as Uint8Array);
  if (recorded === null || choices === 1 || choices > CHOICES_MAX || recorded.size > candidates.length) return firsts;
  for (let choice = 0; choice < choices; choice++) {
    let rest = choice;
    const records = candidates.map((those) => {
      const picked = those[rest % those.length] as Uint8Array;
      rest = Math.floor(rest / those.length);
      return picked;
    });
    if (sameBytes(rootsOf(sha256, records)[recorded.size] as Uint8Array, recorded.root)) return records;
  }
  return firsts;
}

function rootsOf(sha256: Sha256, records: readonly Uint8Array[]): readonly Uint8Array[] {
  let frontier: Frontier = EMPTY_FRONTIER;
  const roots = [frontierRoot(sha256, frontier)];
  for (const bytes of records) {
    frontier = appendLeaf(sha256, frontier, keyRecordCodec().leafHash(sha256, bytes));
    roots.push(frontierRoot(sha256, frontier));
  }
  return roots;
}
