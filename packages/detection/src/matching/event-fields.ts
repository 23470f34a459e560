import type { DetectionEvent, FieldValue } from '../model.ts';
import { foldCase } from '../values/fold.ts';

export type Scalar = string | number | boolean | null;

/** The values of one field of the event at hand: read once, lists flattened, texts and folds made when first asked for. */
export class FieldSlot {
  /** The field's name; null for the values of all fields. */
  readonly name: string | null;
  epoch = 0;
  present = false;
  count = 0;
  readonly scalars: Scalar[] = [];
  #folded = 0;
  readonly #folds: (string | null)[] = [];

  constructor(name: string | null) {
    this.name = name;
  }

  fill(epoch: number, value: FieldValue | undefined): void {
    this.epoch = epoch;
    this.#folded = 0;
    this.count = 0;
    this.present = value !== undefined;
    if (value === undefined) return;
    if (Array.isArray(value)) this.#flatten(value);
    else this.scalars[this.count++] = value as Scalar;
  }

  fillAll(epoch: number, values: Iterable<FieldValue>): void {
    this.fill(epoch, undefined);
    for (const value of values) {
      if (Array.isArray(value)) this.#flatten(value);
      else this.scalars[this.count++] = value as Scalar;
    }
    this.present = this.count > 0;
  }

  /** A stack of its own: how deep lists nest is the event's choice. */
  #flatten(list: readonly FieldValue[]): void {
    const open: { readonly list: readonly FieldValue[]; at: number }[] = [{ list, at: 0 }];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (top.at >= top.list.length) {
        open.pop();
        continue;
      }
      const value = top.list[top.at++] as FieldValue;
      if (Array.isArray(value)) open.push({ list: value, at: 0 });
      else this.scalars[this.count++] = value as Scalar;
    }
  }

  /** A value as text; null where it is null. Numbers and truth values as JSON writes them. */
  textAt(i: number): string | null {
    const value = this.scalars[i] as Scalar;
    return typeof value === 'string' ? value : value === null ? null : String(value);
  }

  /** The text without case. */
  foldAt(i: number): string | null {
    while (this.#folded <= i) {
      const text = this.textAt(this.#folded);
      this.#folds[this.#folded++] = text === null ? null : foldCase(text);
    }
    return this.#folds[i] as string | null;
  }
}

/** The fields that rules read, over one event at a time. */
export class EventFields {
  #epoch = 0;
  #event: DetectionEvent | null = null;
  readonly #slots = new Map<string | null, FieldSlot>();

  /** Counts the events, so that what was read for an older one is known to be old. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The place of a field, made once for each name; null for the values of all fields. */
  slotOf(name: string | null): FieldSlot {
    let slot = this.#slots.get(name);
    if (slot === undefined) this.#slots.set(name, (slot = new FieldSlot(name)));
    return slot;
  }

  begin(event: DetectionEvent): void {
    this.#epoch++;
    this.#event = event;
  }

  /** The slot, read from the event if it was not yet. */
  read(slot: FieldSlot): FieldSlot {
    if (slot.epoch === this.#epoch) return slot;
    const event = this.#event as DetectionEvent;
    if (slot.name === null) slot.fillAll(this.#epoch, event.values());
    else slot.fill(this.#epoch, event.field(slot.name));
    return slot;
  }
}
