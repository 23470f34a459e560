import { hexOf, sameBytes } from '@sealtrail/merkle';
import { type Round, RULES_VERSION } from '@sealtrail/wire';
import { CommitsCheck } from './check-commits.ts';
import type { PartitionCheck } from './context.ts';
import { type Judged, LinkJudge } from './link-judge.ts';
import type { OperatorLog } from './operator-log.ts';
import { RoundRows } from './round-rows.ts';
import { byIndex, type ChainScan, goesOnBeyond, type RoundLink, roundLink } from './scan-rounds.ts';

/**
 * The chain of committed rounds: each is what the next names, follows the one before, and binds the heads, rejections and
 * duplicates that stand in the store. What they tell is left in `check` for the rows of the tenants' logs.
 */
export async function checkRounds(check: PartitionCheck, scan: ChainScan, operator: OperatorLog): Promise<void> {
  const rounds = new RoundsCheck(check, operator, scan);
  const { store, sha256 } = check.input;
  const judge = new LinkJudge<RoundLink>();
  let next = 0;
  for await (const [index, rows] of byIndex({ store, sha256, key: check.key })) {
    if (index > scan.tip_index) break;
    for (; next < index; next++) for (const judged of judge.push(null)) await rounds.judged(judged);
    const row = scan.choose(index, rows);
    for (const judged of judge.push(row === null ? null : roundLink(sha256, row))) await rounds.judged(judged);
    next++;
    check.progress('rounds', next, scan.tip_index + 1);
  }
  for (; next <= scan.tip_index; next++) for (const judged of judge.push(null)) await rounds.judged(judged);
  for (const judged of judge.end(scan.tip_hash)) await rounds.judged(judged);
  await rounds.ends(scan);
}

class RoundsCheck {
  readonly #check: PartitionCheck;
  readonly #operator: OperatorLog;
  readonly #commits: CommitsCheck;
  readonly #rows: RoundRows;
  /** The last round that is what it was; null before the first and after one that is not. */
  #before: Round | null = null;
  /** Of the last round that is what it was, however long ago. */
  #recordedAt = 0;
  /** Where the next round should begin; null when the round before is not known. */
  #at: number | null = null;
  /** First offset that no sound round has covered. */
  #covered: number | null = null;

  /** Index of the last round where it is missing, else null. */
  readonly #unplaced: number | null;

  constructor(check: PartitionCheck, operator: OperatorLog, scan: ChainScan) {
    this.#check = check;
    this.#unplaced = scan.tip_missing ? scan.tip_index : null;
    this.#operator = operator;
    this.#commits = new CommitsCheck(check);
    this.#rows = new RoundRows(check);
  }

  async judged({ index, item, truth, state }: Judged<RoundLink>): Promise<void> {
    const check = this.#check;
    check.totals.rounds++;
    // How many rounds are missing before the last one is not known, so neither is its place in the tree.
    if (index === this.#unplaced) this.#operator.lose();
    await this.#operator.append(truth);
    if (item === null || state !== 'sound') {
      await this.#unsound(index, item, truth);
      return;
    }
    const { row } = item;
    const { round } = row;
    if (index === 0) {
      this.#commits.begins(round.from);
      this.#covered = round.from;
    } else if (this.#covered === null) {
      this.#commits.begins(this.#check.commits[0]?.from ?? 0);
      this.#covered = this.#check.start;
    }
    // Offsets between the last sound round and this one belong to rounds that bind nothing.
    if (this.#covered < round.from) {
      check.unbound.add({ from: this.#covered, to: round.from });
      this.#commits.unknownRound(round.from);
    }
    this.#commits.round(round.to, item.stored);
    this.#operator.committed(round.to, item.stored);
    const fault = this.#faultOf(round, index);
    if (fault !== null)
      check.report('round_invalid', {
        round: index,
        offset: round.from,
        detail: `round ${index}: ${fault}; its hash is right, so it was sealed so`,
      });
    if (!this.#operator.hasFrontier(row.operator)) {
      check.report('round_altered', {
        round: index,
        offset: round.from,
        detail: `round ${index}: its operator frontier is not that of the rounds before it; restore the row`,
      });
    }
    check.registrySizes.push({ from: round.from, size: round.registry_size });
    await this.#rows.round(round, this.#recordedAt);
    this.#recordedAt = round.recorded_at;
    this.#before = round;
    this.#at = round.to;
    this.#covered = round.to;
  }

  async #unsound(index: number, item: RoundLink | null, truth: Uint8Array | null): Promise<void> {
    const check = this.#check;
    // A row that is at one with itself is another round: one that was built at this index and never committed.
    const isOther = item !== null && item.computed !== null && sameBytes(item.computed, item.stored);
    const row = isOther ? null : (item?.row ?? null);
    // Under its own hash a round may stand at another index: then a column was altered, and the row is there.
    const elsewhere = row === null && truth !== null ? await check.input.store.round(truth) : null;
    if (row !== null) {
      check.report('round_altered', {
        round: index,
        ...(this.#at === null ? {} : { offset: this.#at }),
        detail: `round ${index}: its columns do not give the hash${truth === null ? ' that it carries' : ` ${hexOf(truth)}, which is committed`}; restore the row`,
      });
    } else if (elsewhere !== null) {
      const { round } = elsewhere;
      check.report('round_altered', {
        round: index,
        ...(this.#at === null ? {} : { offset: this.#at }),
        detail: `round ${index} stands as round ${round.index} of ${round.topic}/${round.incarnation}/${round.partition}; restore the row`,
      });
    } else {
      check.report('round_missing', {
        round: index,
        ...(this.#at === null ? {} : { offset: this.#at }),
        detail: `round ${index} is not in the store; restore the row`,
      });
    }
    check.registrySizes.push({ from: this.#at ?? row?.round.from ?? 0, size: null });
    this.#before = null;
    this.#at = null;
  }

  #faultOf(round: Round, index: number): string | null {
    const { key, registry } = this.#check;
    if (round.topic !== key.topic || round.incarnation !== key.incarnation || round.partition !== key.partition)
      return 'it names another partition';
    if (round.version !== 1 || round.rules_version > RULES_VERSION)
      return `version ${round.version}, rules ${round.rules_version} are not known to this build`;
    if (round.to <= round.from) return `it covers no offsets (${round.from} to ${round.to})`;
    if (this.#at !== null && round.from !== this.#at) return `it begins at offset ${round.from}, the round before ends at ${this.#at}`;
    if (index === 0 && round.previous.some((byte) => byte !== 0)) return 'it is the first and names one before it';
    if (this.#before !== null && round.recorded_at < this.#before.recorded_at) return 'it was recorded before the round before it';
    if (this.#before !== null && round.registry_size < this.#before.registry_size)
      return 'it knows fewer key records than the round before it';
    if (!registry.agrees({ size: round.registry_size, root: round.registry_root }))
      return 'its registry root is not that of the key registry';
    return null;
  }

  /** Rounds go on where the commit rows end, and no commit row has come since they were read. */
  async #commitsAreMissing(scan: ChainScan): Promise<boolean> {
    const { input, key, end } = this.#check;
    if (!(await goesOnBeyond({ ...input, key }, scan.tip_index, scan.tip_hash))) return false;
    return ((await input.store.commits(key)).at(-1)?.to ?? 0) <= end;
  }

  async ends(scan: ChainScan): Promise<void> {
    const check = this.#check;
    if (this.#at === null) {
      // The last round binds nothing: what was committed up to the end cannot be held against it.
      check.unbound.add({ from: this.#covered ?? check.start, to: check.end });
      this.#commits.unknownRound(check.end);
      this.#operator.committed(check.end, null);
    }
    if (!scan.tip_missing && check.rows.moved.length === 0 && (await this.#commitsAreMissing(scan))) {
      this.#operator.lose();
      check.report('commit_missing', {
        offset: check.end,
        detail: `rounds go on after offset ${check.end}, which no commit row covers: commit rows were removed or altered; restore them`,
      });
    }
    this.#commits.ends();
    await this.#rows.ends((from, to) => this.#commits.explains(from, to));
    // A commit row that stands elsewhere explains what lies beyond the end.
    if (check.rows.moved.length > 0) this.#operator.lose();
    await this.#operator.ends();
  }
}
