/** More states than this are parted into several automata, so that no table becomes larger than 64 MiB. */
const CELLS_MAX = 16_777_216;

/** Called once for each fragment that is found. Returns true to stop. */
export type OnFragment = (fragment: number) => boolean;

/** Finds which of many texts are contained in another, in time linear in the other (Aho and Corasick, 1975). */
export interface FragmentFinder {
  readonly find: (text: string, onFragment: OnFragment) => void;
}

/** A finder over texts, which are named by their index. Empty ones are never found. */
export function fragmentFinder(fragments: readonly string[]): FragmentFinder {
  const classes = classesOf(fragments);
  const width = classes.size + 1;
  const automata: Automaton[] = [];
  for (const numbers of parted(fragments, Math.max(1, Math.floor(CELLS_MAX / width))))
    automata.push(new Automaton(fragments, numbers, classes));
  const [only] = automata;
  if (only !== undefined && automata.length === 1) return only;
  return {
    find: (text, onFragment) => {
      for (const automaton of automata) automaton.find(text, onFragment);
    },
  };
}

/** The code units that occur, numbered from 1; all others are 0. */
function classesOf(fragments: readonly string[]): ReadonlyMap<number, number> {
  const classes = new Map<number, number>();
  for (const fragment of fragments)
    for (let i = 0; i < fragment.length; i++)
      if (!classes.has(fragment.charCodeAt(i))) classes.set(fragment.charCodeAt(i), classes.size + 1);
  return classes;
}

/** Indexes of the fragments, in groups that hold so many characters at most (or one fragment). */
function parted(fragments: readonly string[], characters_max: number): readonly (readonly number[])[] {
  const groups: number[][] = [];
  let room = 0;
  for (const [i, fragment] of fragments.entries()) {
    if (fragment === '') continue;
    if (groups.length === 0 || fragment.length > room) {
      groups.push([]);
      room = characters_max;
    }
    groups.at(-1)?.push(i);
    room -= fragment.length;
  }
  return groups;
}

const ASCII_END = 128;

class Automaton implements FragmentFinder {
  readonly #width: number;
  readonly #ascii = new Uint16Array(ASCII_END);
  readonly #classes: ReadonlyMap<number, number>;
  /** State × class → state. */
  readonly #next: Int32Array;
  /** The fragments that end in a state; -1 for none, else the head of a list. */
  readonly #own: Int32Array;
  /** The nearest state behind the failure links in which fragments end; 0 for none. */
  readonly #further: Int32Array;
  readonly #lists: (readonly number[])[] = [];
  /** The scan in which a state's fragments were told. */
  readonly #told: Int32Array;
  #scan = 0;

  constructor(fragments: readonly string[], numbers: readonly number[], classes: ReadonlyMap<number, number>) {
    this.#classes = classes;
    for (const [unit, id] of classes) if (unit < ASCII_END) this.#ascii[unit] = id;
    const width = (this.#width = classes.size + 1);
    const states_max = numbers.reduce((sum, i) => sum + (fragments[i] as string).length, 1);
    const next = new Int32Array(states_max * width);
    const own = new Int32Array(states_max).fill(-1);
    let states = 1;
    for (const i of numbers) {
      const fragment = fragments[i] as string;
      let state = 0;
      for (let at = 0; at < fragment.length; at++) {
        const cell = state * width + (classes.get(fragment.charCodeAt(at)) as number);
        state = next[cell] === 0 ? (next[cell] = states++) : (next[cell] as number);
      }
      if (own[state] === -1) own[state] = this.#lists.push([i]) - 1;
      else this.#lists[own[state] as number] = [...(this.#lists[own[state] as number] as readonly number[]), i];
    }
    this.#next = next.slice(0, states * width);
    this.#own = own.slice(0, states);
    this.#further = new Int32Array(states);
    this.#told = new Int32Array(states);
    this.#link(states);
  }

  /** Breadth first: what fails in a state goes on where its longest proper suffix would. */
  #link(states: number): void {
    const [width, next] = [this.#width, this.#next];
    const failure = new Int32Array(states);
    const queue: number[] = [];
    for (let id = 1; id < width; id++) if (next[id] !== 0) queue.push(next[id] as number);
    for (let at = 0; at < queue.length; at++) {
      const state = queue[at] as number;
      const back = failure[state] as number;
      this.#further[state] = this.#own[back] === -1 ? (this.#further[back] as number) : back;
      for (let id = 1; id < width; id++) {
        const cell = state * width + id;
        const target = next[cell] as number;
        if (target === 0) next[cell] = next[back * width + id] as number;
        else {
          failure[target] = next[back * width + id] as number;
          queue.push(target);
        }
      }
    }
  }

  find(text: string, onFragment: OnFragment): void {
    const [width, next, ascii, own, further] = [this.#width, this.#next, this.#ascii, this.#own, this.#further];
    const scan = ++this.#scan;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const id = unit < ASCII_END ? (ascii[unit] as number) : (this.#classes.get(unit) ?? 0);
      state = id === 0 ? 0 : (next[state * width + id] as number);
      if (state !== 0 && (own[state] !== -1 || further[state] !== 0) && this.#tell(state, scan, onFragment)) return;
    }
  }

  #tell(from: number, scan: number, onFragment: OnFragment): boolean {
    for (let state = from; state !== 0 && this.#told[state] !== scan; state = this.#further[state] as number) {
      this.#told[state] = scan;
      const list = this.#own[state] as number;
      if (list !== -1 && (this.#lists[list] as readonly number[]).some((fragment) => onFragment(fragment))) return true;
    }
    return false;
  }
}
