import { ledgerKey, openDataDirectory, sealingKey } from '@sealtrail/data-directory';
import { canaryTargets, openCanaryKey } from '@sealtrail/detector';
import { formatVerifierKey, noteVerifierKey } from '@sealtrail/merkle';
import { sha256 } from '@sealtrail/merkle/node';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { wholeNumber } from '../cli/options.ts';
import { operatorOrigin } from '../deployment/origin.ts';
import { ensureTopics } from '../deployment/topics.ts';

interface SetupOptions {
  readonly data: string;
  readonly audience?: string;
  readonly partitions?: number;
  readonly json?: true;
}

export function registerSetup(program: Command, context: CommandContext): void {
  program
    .command('setup')
    .description("make a deployment's id, keys, topics and tables, where they are missing")
    .option('--data <dir>', 'data directory, made when it is missing', 'data')
    .option('--audience <name>', "the deployment's id, which batches must name; random when absent")
    .option('--partitions <n>', 'partitions of the topic of events, for ever', wholeNumber)
    .option('--json', 'end with one JSON object')
    .action(async (options: SetupOptions) => {
      const console = context.console({ json: options.json === true });
      const { audience, partitions } = options;
      const directory = await openDataDirectory({
        dir: options.data,
        create: {
          random: context.random,
          ...(audience === undefined ? {} : { audience }),
          ...(partitions === undefined ? {} : { partitions }),
        },
      });
      const { deployment } = directory;
      // What was chosen at the first setup cannot be chosen again: batches name the one, and tenants are placed by the other.
      if (audience !== undefined && audience !== deployment.audience) throw chosen(directory.path, 'audience', deployment.audience);
      if (partitions !== undefined && partitions !== deployment.partitions)
        throw chosen(directory.path, 'partitions', deployment.partitions);
      const signing = await ledgerKey(directory, context.random);
      await sealingKey(directory);
      const store = await context.adapters.openStore(directory);
      await store.close();
      const log = await context.adapters.openLog(directory);
      try {
        await ensureTopics(log, deployment);
        // A detector on servers only reads its key; `up` makes it by itself.
        if (context.adapters.kind === 'distributed') {
          const { clock_ms, random } = context;
          await openCanaryKey({ directory, log, targets: canaryTargets(deployment.partitions), sha256: sha256(), random, clock_ms });
        }
      } finally {
        await log.close();
      }
      const verifierKey = formatVerifierKey(noteVerifierKey(sha256(), operatorOrigin(deployment, 0), signing.public_key));
      console.say(`${deployment.audience} is set up in ${directory.path}: keep a copy of it, it holds the keys`);
      console.say(`  topics    ${deployment.topic} (${deployment.partitions}), ${deployment.registry_topic}, ${deployment.rejected_topic}`);
      console.say(`  next      ./sealtrail keys add my-service --tenants my-tenant --data ${options.data}`);
      console.result({
        audience: deployment.audience,
        partitions: deployment.partitions,
        adapters: context.adapters.kind,
        verifier_key: verifierKey,
      });
    });
}

const chosen = (path: string, what: string, was: string | number): UsageError =>
  new UsageError(`${path} was set up with ${what} ${was}, which cannot be changed; leave --${what} out, or give a new --data`);
