import { readFile } from 'node:fs/promises';
import { AlertingError, type AlertStateStore } from '@sealtrail/alerting';
import { writeDurably } from '@sealtrail/data-directory';

/** What hygiene knows, as a file that only its owner reads. One process at a time writes it. `load` throws AlertingError `state_invalid`. */
export const alertStateFile = (path: string): AlertStateStore => ({
  async load() {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return null;
      throw new AlertingError('state_invalid', `cannot read ${path} (${code}); check its owner and mode`, { cause: error });
    }
    if (!isJson(text)) {
      // The parser's message would quote the file, which names people.
      throw new AlertingError('state_invalid', `${path} is not JSON; restore it from a backup, or move it away and begin without`);
    }
    return text;
  },
  save: (state) => writeDurably(path, state, 0o600),
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // what is wrong with it is of no use to anybody
  }
}
