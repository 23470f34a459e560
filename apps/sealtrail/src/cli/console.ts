import { printable } from '@sealtrail/service-runtime';

/** What a command says, and where: results on standard output, everything else on standard error. */
export interface Console {
  readonly json: boolean;
  readonly color: boolean;
  readonly columns: number;
  /** A line for people; nothing with --json. */
  say(line: string): void;
  /** A line on standard error, with --json too. */
  note(line: string): void;
  /** With --json the one object that ends standard output; else nothing. */
  result(value: unknown): void;
  /** How far a long piece of work is: a bar on a terminal, a line now and then in a log. */
  progress(label: string, done: number, total: number | null): void;
  /** Ends the bar. */
  progressDone(): void;
}

export interface ConsoleOptions {
  readonly json: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly clock_ms: () => number;
}

const BAR_CELLS = 24;
const LOG_EVERY_MS = 5_000;
const BAR_EVERY_MS = 100;

export function createConsole(options: ConsoleOptions): Console {
  const { json, stdout, stderr, clock_ms } = options;
  const bar = stderr.isTTY === true && !options.env['CI'];
  let lastShown = clock_ms();
  let barShown = false;
  const clearBar = (): void => {
    if (barShown) stderr.write('\r\x1b[2K');
    barShown = false;
  };
  return {
    json,
    color: stdout.isTTY === true && !options.env['NO_COLOR'] && !json,
    columns: stdout.columns ?? 100,
    say(line) {
      clearBar();
      if (!json) stdout.write(`${line}\n`);
    },
    note(line) {
      clearBar();
      stderr.write(`${printable(line)}\n`);
    },
    result(value) {
      clearBar();
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
    },
    progress(label, done, total) {
      const now = clock_ms();
      if (now - lastShown < (bar ? BAR_EVERY_MS : LOG_EVERY_MS)) return;
      lastShown = now;
      if (bar) {
        stderr.write(`\r\x1b[2K${progressBar(label, done, total)}`);
        barShown = true;
      } else {
        stderr.write(`${label}: ${count(done)}${total === null ? '' : ` of ${count(total)}`}\n`);
      }
    },
    progressDone: clearBar,
  };
}

export function progressBar(label: string, done: number, total: number | null): string {
  if (total === null || total === 0) return `${label} ${count(done)}`;
  const share = Math.min(1, done / total);
  const full = Math.round(share * BAR_CELLS);
  return `${label} ${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${Math.floor(share * 100)}%  ${count(done)} of ${count(total)}`;
}

/** 2900 → "2,900". */
export const count = (value: number): string => value.toLocaleString('en-US');
/** 1, "event" → "1 event"; 2,900 → "2,900 events". */
export const counted = (value: number, thing: string): string => `${count(value)} ${thing}${value === 1 ? '' : 's'}`;
