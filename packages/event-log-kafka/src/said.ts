import { redactor } from './failures.ts';
import type { KafkaClientOptions, KafkaLogLine } from './settings.ts';

/** While a broker is away the same is said at every attempt: once in so long is enough. */
const repeat_after_ms = 10_000;
const remembered_max = 100;

/** Passes on what is said, without secrets, in one line, and not over and over. */
export function saidOnce(
  log: (line: KafkaLogLine) => void,
  client: KafkaClientOptions,
  clock_ms: () => number,
): (line: KafkaLogLine) => void {
  const hide = redactor(client);
  const said_ms = new Map<string, number>();
  return ({ level, message }) => {
    const shown = hide(message.split('\n', 1)[0] ?? '');
    const now_ms = clock_ms();
    const before_ms = said_ms.get(shown);
    if (before_ms !== undefined && now_ms - before_ms < repeat_after_ms) return;
    said_ms.delete(shown);
    said_ms.set(shown, now_ms);
    const [eldest] = said_ms.keys();
    if (said_ms.size > remembered_max && eldest !== undefined) said_ms.delete(eldest);
    log({ level, message: shown });
  };
}
