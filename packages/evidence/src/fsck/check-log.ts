import type { HeadRow, StoredManifest } from '@sealtrail/ledger-store';
import { appendLeaf, EMPTY_FRONTIER, type Frontier, frontierRoot, hexOf, sameBytes } from '@sealtrail/merkle';
import { type BatchManifest, logId, manifestCodec, WireError } from '@sealtrail/wire';
import type { LogEntries } from './check-entries.ts';
import type { HeadTrouble, PartitionCheck } from './context.ts';
import type { FsckCode } from './findings.ts';
import { type Judged, type Link, LinkJudge } from './link-judge.ts';
import type { LogSummary } from './log-summaries.ts';
import { type ManifestFault, manifestFault } from './manifest-rules.ts';
import type { MovedRows } from './moved-rows.ts';
import { PageReader } from './page-reader.ts';
import { leafName } from './round-rows.ts';
import { headPlaceOf, settleHead, troubleAt } from './settle-heads.ts';

interface ManifestLink extends Link {
  readonly row: StoredManifest;
}

/** Manifests that are not there or not what they were, since the last sound one. */
interface Unknown {
  /** Number of their first entry. */
  readonly entry: number;
  /** First offset that they may have. */
  readonly offset: number;
  /** Runs of positions; of a run only the last one's hash can be known: the next manifest names it. */
  readonly missing: { readonly position: number; count: number; hash: Uint8Array | null }[];
  altered: boolean;
}

/** Rows of one position that are looked at. */
const ALTERNATIVES_MAX = 64;
/** A row at a position this far beyond the known end is no sign of so many missing ones. */
const GAP_MAX = 65_536;

/** One tenant's log: its chain of manifests, the heads that bind it, and the entries of each batch. */
export class LogCheck {
  readonly #check: PartitionCheck;
  readonly #entries: LogEntries;
  readonly #moved: MovedRows;
  readonly #tenant: string;
  readonly #log: Uint8Array;
  readonly #total: number;
  readonly #summary: LogSummary | undefined;
  readonly #heads: PageReader<HeadRow>;
  /** Heads that were read, of sizes that are not reached yet. */
  readonly #ahead: HeadRow[] = [];
  /** Manifests that were judged. */
  #size = 0;
  /** Number of the next entry; null behind a manifest that is not known. */
  #entry: number | null = 0;
  #last: Uint8Array | null = null;
  #offset = -1;
  #recordedAt = 0;
  /** Tree over the manifests; null where one's hash is not known, until the next head. */
  #frontier: Frontier | null = EMPTY_FRONTIER;
  /** Something was found since the last head that held: another root then is no finding of its own. */
  #explained = false;
  #unknown: Unknown | null = null;
  /** A round in trouble whose last manifest of this log may have been seen. */
  #pending: HeadTrouble | null = null;

  constructor(check: PartitionCheck, entries: LogEntries, moved: MovedRows, tenant: string, log: Uint8Array, total: number) {
    this.#check = check;
    this.#entries = entries;
    this.#moved = moved;
    this.#tenant = tenant;
    this.#log = log;
    this.#total = total;
    this.#summary = check.logs.of(hexOf(log));
    const { store } = check.input;
    const kept = this.#summary?.heads ?? null;
    this.#heads = new PageReader(
      kept === null ? store.heads({ partition: check.key, tenant, log, offsets: { from: 0, to: check.end } }) : inOnePage(kept),
    );
  }

  async run(manifests: PageReader<StoredManifest>): Promise<void> {
    this.#checkTenant();
    const judge = new LinkJudge<ManifestLink>();
    const size = this.#summary?.head?.size ?? 0;
    let next = 0;
    for (let row = await manifests.peek(); row !== undefined && this.#isOwn(row); row = await manifests.peek()) {
      const { position } = row.manifest;
      const atPosition = (one: StoredManifest): boolean => this.#isOwn(one) && one.manifest.position === position;
      const rows = await manifests.takeWhile(atPosition, ALTERNATIVES_MAX);
      await manifests.drop(atPosition, (one) => this.#moved.surplusManifest(one));
      const links = rows.filter((one) => this.#mayStand(one, size, next)).map((one) => this.#link(one));
      const best = links.length < 2 ? links[0] : this.#best(links);
      for (const one of rows) if (one !== best?.row) this.#moved.surplusManifest(one);
      if (best === undefined) continue;
      for (; next < position; next++) await this.#all(judge.push(null, await this.#anchorAt(next)));
      await this.#all(judge.push(best, await this.#anchorAt(next)));
      next++;
    }
    for (; next < size; next++) await this.#all(judge.push(null, await this.#anchorAt(next)));
    const anchor = this.#summary?.head?.size === next && !this.#summary.may_go_on ? this.#summary.head.last : null;
    await this.#all(judge.end(anchor));
    await this.#ends();
  }

  /** Hash of the manifest at a position, where a bound head names it as the log's last. */
  async #anchorAt(position: number): Promise<Uint8Array | null> {
    this.#ahead.push(...(await this.#heads.takeWhile(({ head }) => head.size <= position + 1)));
    return this.#ahead.find((row) => row.head.size === position + 1 && this.#isBound(row))?.head.last ?? null;
  }

  #isOwn({ tenant, manifest }: StoredManifest): boolean {
    return tenant === this.#tenant && sameBytes(manifest.log, this.#log);
  }

  /** A head that its round binds bears the log's name under another tenant: only the heads' rows say that tenant. */
  #checkTenant(): void {
    const summary = this.#summary;
    if (summary === undefined || summary.tenant === this.#tenant || summary.head === null) return;
    this.#check.report('head_altered', {
      tenant: this.#tenant,
      log: hexOf(this.#log),
      position: summary.head.size - 1,
      detail: `the head of size ${summary.head.size} stands under tenant ${summary.tenant}; restore the row`,
    });
  }

  /** Whether a row can belong to the log: below the size that a round binds, or in a round of which that is not known. */
  #mayStand({ manifest: { position, offset } }: StoredManifest, size: number, next: number): boolean {
    if (position < size) return position >= 0;
    const { unbound, hidden, troubles } = this.#check;
    const open = unbound.overlaps(offset, offset + 1) || hidden.overlaps(offset, offset + 1) || troubleAt(troubles, offset) !== null;
    return open && position <= next + GAP_MAX;
  }

  #link(row: StoredManifest): ManifestLink {
    const computed = row.bytes === null ? null : manifestCodec().leafHash(this.#check.input.sha256, row.bytes);
    return { row, computed, stored: row.manifest_hash, previous: row.manifest.previous };
  }

  /** Of several rows at one position: one that recomputes and follows the row before it. */
  #best(links: readonly ManifestLink[]): ManifestLink | undefined {
    const consistent = links.filter(({ computed, stored }) => computed !== null && sameBytes(computed, stored));
    return (
      consistent.find(({ row }) => row.manifest.offset > this.#offset && row.manifest.first_entry === this.#entry) ??
      consistent[0] ??
      links[0]
    );
  }

  async #all(judged: readonly Judged<ManifestLink>[]): Promise<void> {
    for (const one of judged) await this.#judged(one);
  }

  async #judged({ index, item, truth, state, vouched }: Judged<ManifestLink>): Promise<void> {
    const check = this.#check;
    if (item !== null) check.totals.batches++;
    // Where only the row's own hash column was altered, its content is what it was.
    const whole = item?.computed != null && truth !== null && sameBytes(item.computed, truth);
    const fault = whole ? this.#faultOf(item, index) : null;
    // A row that breaks a rule and for which nothing vouches is forged, with a hash to match, rather than sealed so.
    const forged = fault !== null && !vouched;
    if (forged && item !== null)
      this.#report('manifest_altered', item, index, `${fault.detail}, and nothing sound binds its hash; restore the row`);
    else if (state === 'altered' && item !== null) {
      const hash = truth === null ? 'that it carries' : `${hexOf(truth)}, which is bound`;
      const only = whole ? ', though only manifest_hash differs' : '';
      this.#report('manifest_altered', item, index, `its columns do not give the hash ${hash}${only}; restore the row`);
    }
    if (state === 'altered' || forged) this.#explained = true;
    if (whole && !forged) {
      if (fault !== null) this.#report(fault.code, item, index, `${fault.detail}; its hash is bound, so it was sealed so`);
      await this.#whole(item.row.manifest, index);
    } else this.#unknownAt(index, item, truth);
    this.#last = forged ? null : truth;
    this.#frontier = this.#last === null || this.#frontier === null ? null : appendLeaf(check.input.sha256, this.#frontier, this.#last);
    this.#size = index + 1;
    await this.#headAt();
  }

  #report(code: FsckCode, { row }: ManifestLink, position: number, why: string): void {
    const { offset } = row.manifest;
    this.#check.report(code, {
      tenant: this.#tenant,
      log: hexOf(this.#log),
      position,
      offset,
      detail: `manifest ${position}: ${why}`,
    });
  }

  #faultOf({ row }: ManifestLink, position: number): ManifestFault | null {
    return manifestFault(this.#check, row.manifest, {
      position,
      entry: this.#entry,
      offset: this.#offset,
      recorded_at: this.#recordedAt,
      previous: this.#last,
    });
  }

  /** A manifest that is what it was: what follows from it is held against it. */
  async #whole(manifest: BatchManifest, index: number): Promise<void> {
    const check = this.#check;
    await this.#closeUnknown(manifest.first_entry, manifest.offset);
    this.#settlePending(manifest.offset, true);
    if (index === 0) this.#checkId(manifest);
    check.tally.add(manifest.offset);
    await this.#entries.batch(manifest);
    check.progress('entries', check.totals.entries, this.#total);
    this.#entry = manifest.first_entry + manifest.header.count;
    this.#offset = manifest.offset;
    this.#recordedAt = manifest.recorded_at;
    this.#pending = troubleAt(check.troubles, manifest.offset);
  }

  #unknownAt(index: number, item: ManifestLink | null, truth: Uint8Array | null): void {
    this.#explained = true;
    // What follows may be of the same round or not: the head is held against what is known so far.
    this.#settlePending(Number.POSITIVE_INFINITY, false);
    this.#unknown ??= { entry: this.#entry ?? 0, offset: this.#offset + 1, missing: [], altered: false };
    if (item === null) addMissing(this.#unknown, index, truth);
    else this.#unknown.altered = true;
    this.#entry = null;
  }

  /** Heads that their rounds bind, up to the present size. */
  async #headAt(): Promise<void> {
    const check = this.#check;
    const reached = this.#ahead.findIndex(({ head }) => head.size > this.#size);
    for (const row of this.#ahead.splice(0, reached < 0 ? this.#ahead.length : reached)) {
      if (row.head.size !== this.#size || !this.#isBound(row)) continue;
      const { head } = row;
      const root = this.#frontier === null ? null : frontierRoot(check.input.sha256, this.#frontier);
      const agrees =
        root !== null &&
        sameBytes(root, head.root) &&
        (this.#last === null || sameBytes(this.#last, head.last)) &&
        (this.#entry === null || this.#entry === head.entries) &&
        this.#offset <= row.offset;
      if (!agrees && !this.#explained) {
        check.report('head_mismatch', {
          tenant: this.#tenant,
          log: hexOf(this.#log),
          position: head.size - 1,
          offset: row.offset,
          detail: `the manifests up to position ${head.size - 1} do not give the head that their round binds; keep both as evidence and compare with a backup`,
        });
      }
      // The round binds the head: from here on the log is again known.
      if (agrees) this.#explained = this.#unknown !== null;
      else if (sameBytes(frontierRoot(check.input.sha256, row.frontier), head.root)) this.#frontier = row.frontier;
      if (this.#unknown !== null) {
        const { missing, altered } = this.#unknown;
        await this.#closeUnknown(head.entries, row.offset + 1);
        this.#explained = altered || missing.length > 0;
      }
      this.#entry = head.entries;
      this.#last = head.last;
    }
  }

  /** Whether a head is one that its round binds. */
  #isBound({ head, offset }: HeadRow): boolean {
    const { troubles, unbound, strays } = this.#check;
    if (troubleAt(troubles, offset) !== null || unbound.overlaps(offset, offset + 1)) return false;
    const stray = strays.size === 0 ? undefined : strays.get(leafName(this.#check, head));
    return stray === undefined || stray.doubled || stray.offset !== offset;
  }

  /** Entries and manifests that were not known, now that it is known where they end. */
  async #closeUnknown(entriesEnd: number | null, offsetsEnd: number): Promise<void> {
    const unknown = this.#unknown;
    if (unknown === null) return;
    this.#unknown = null;
    const hidden = this.#check.hidden.overlaps(unknown.offset, offsetsEnd);
    const seen = hidden ? 0 : await this.#entries.unbound(unknown.entry, entriesEnd);
    this.#entry = entriesEnd;
    if (hidden) return;
    for (const run of unknown.missing) {
      this.#moved.missingManifests({
        tenant: this.#tenant,
        log: hexOf(this.#log),
        ...run,
        entries: unknown.altered || unknown.missing.length > 1 || entriesEnd === null ? null : { from: unknown.entry, to: entriesEnd },
        rows_seen: seen,
      });
    }
  }

  /** The log has gone on beyond a round in trouble, or ended: its head there is known. */
  #settlePending(offset: number, certain: boolean): void {
    const trouble = this.#pending;
    if (trouble === null || offset < trouble.to) return;
    this.#pending = null;
    const known = this.#frontier !== null && this.#entry !== null && this.#last !== null && this.#size > 0;
    const head = known
      ? {
          log: this.#log,
          size: this.#size,
          entries: this.#entry as number,
          last: this.#last as Uint8Array,
          root: frontierRoot(this.#check.input.sha256, this.#frontier as Frontier),
        }
      : null;
    settleHead(this.#check, trouble, headPlaceOf(this.#tenant, this.#log, this.#size), head, certain);
  }

  async #ends(): Promise<void> {
    const head = this.#summary?.head ?? null;
    const known = head !== null && head.size === this.#size && this.#summary?.may_go_on === false;
    await this.#closeUnknown(known ? head.entries : null, this.#check.end);
    this.#settlePending(Number.POSITIVE_INFINITY, true);
    await this.#heads.close();
    if (this.#check.troubles.length > 0)
      this.#check.ends.set(hexOf(this.#log), { size: this.#size, entries: this.#entry, offset: this.#offset });
  }

  /** The log's id is that of its tenant and place, with the predecessor that its first manifest names. */
  #checkId({ predecessor }: BatchManifest): void {
    const { sha256, audience } = this.#check.input;
    const { topic, incarnation, partition } = this.#check.key;
    let right = false;
    try {
      right = sameBytes(logId(sha256, { audience, tenant: this.#tenant, topic, incarnation, partition, predecessor }), this.#log);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    if (right) return;
    this.#check.report('log_id_mismatch', {
      tenant: this.#tenant,
      log: hexOf(this.#log),
      position: 0,
      detail: `the log's id is not that of ${this.#tenant} on this partition: its manifests were sealed into a log of another`,
    });
  }
}

async function* inOnePage<Row>(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  yield rows;
}

/** Positions that follow one another are one run; a hash that is known ends it. */
function addMissing({ missing }: Unknown, position: number, hash: Uint8Array | null): void {
  const run = missing.at(-1);
  if (run !== undefined && run.hash === null && run.position + run.count === position) {
    run.count++;
    run.hash = hash;
  } else missing.push({ position, count: 1, hash });
}
