import { parseVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { formatTable } from '@sealtrail/service-runtime';
import { verifyProof } from '@sealtrail/verify';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { EXIT_EVIDENCE, UsageError } from '../cli/exit.ts';
import { readInputBytes, readKey } from '../cli/files.ts';

export function registerVerify(program: Command, context: CommandContext): void {
  program
    .command('verify')
    .description('check a proof file, offline and without this deployment')
    .argument('<file>', 'the proof file')
    .requiredOption('--key <vkey>', 'note verifier key of the deployment that you trust, or a file with it')
    .option('--json', 'end with one JSON object')
    .action(async (file: string, options: { key: string; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const key = parseVerifierKey(sha256(), await readKey(options.key));
      if (key === null) throw new UsageError('--key is not a note verifier key; print one with `sealtrail keys export`');
      const verdict = verifyProof(await readInputBytes(file, 'proof'), { keys: [key], sha256: sha256(), ed25519Verify: ed25519Verify() });
      console.say(
        formatTable({
          header: ['axis', 'verdict', 'why'],
          rows: Object.entries(verdict.axes).map(([axis, result]) => [axis, result.verdict, result.reason]),
          width: console.columns,
        }),
      );
      console.say(verdict.ok ? 'holds, as far as the axes that were verified go' : 'does NOT hold');
      console.result({
        ...verdict,
        axes: Object.fromEntries(Object.entries(verdict.axes).map(([axis, result]) => [axis, result.verdict])),
      });
      if (!verdict.ok) context.setExitCode(EXIT_EVIDENCE);
    });
}
