import {
  appendKeyRecords,
  createProducerKey,
  type DataDirectory,
  ledgerKey,
  loadProducerKey,
  openDataDirectory,
  producerNames,
  registrationRecord,
  revocationRecord,
} from '@sealtrail/data-directory';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { formatVerifierKey, noteVerifierKey } from '@sealtrail/merkle';
import { sha256 } from '@sealtrail/merkle/node';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { writeOutput } from '../cli/files.ts';
import { commaList, wholeNumber } from '../cli/options.ts';
import { operatorOrigin } from '../embedded/origin.ts';
import { ensureTopics } from '../embedded/topics.ts';

interface Common {
  readonly data: string;
  readonly json?: true;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('make, list and revoke keys; export what verifiers need');

  keys
    .command('export')
    .description("print the note verifier key of this deployment's checkpoints: what `verify --key` wants")
    .option('--data <dir>', 'data directory', 'data')
    .option('--out <file>', 'where to write it; standard output when absent')
    .option('--partition <n>', 'partition whose operator log the key signs', wholeNumber, 0)
    .option('--json', 'end with one JSON object')
    .action(async (options: Common & { out?: string; partition: number }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const key = await ledgerKey(directory, context.random);
      const verifierKey = formatVerifierKey(
        noteVerifierKey(sha256(), operatorOrigin(directory.deployment, options.partition), key.public_key),
      );
      if (options.out === undefined) console.say(verifierKey);
      else {
        await writeOutput(options.out, `${verifierKey}\n`);
        console.say(`wrote ${options.out}`);
      }
      console.result({ key: verifierKey, ...(options.out === undefined ? {} : { out: options.out }) });
    });

  keys
    .command('add')
    .description('make a key for a producer and let it write for its tenants')
    .argument('<producer>', 'name of the producer')
    .requiredOption('--tenants <names>', 'tenants with commas between; * stands for all', commaList)
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (producer: string, options: Common & { tenants: readonly string[] }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data, create: { random: context.random } });
      const key = await createProducerKey(directory, producer, context.random);
      const registration = { key_id: key.key_id, public_key: key.public_key, producer, tenants: options.tenants, valid_from: 0 };
      await appendToRegistry(directory, context, [registrationRecord(registration)]);
      console.say(`${producer} may write for ${options.tenants.join(', ')}; its key is in ${directory.keys_dir}/producers`);
      console.result({ producer, tenants: options.tenants, key_id: hex(key.key_id) });
    });

  keys
    .command('revoke')
    .description("end a producer's key from now on; what it signed before stays sealed")
    .argument('<producer>', 'name of the producer')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (producer: string, options: Common) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const key = await loadProducerKey(directory, producer);
      const valid_from = context.clock_ms();
      const record = revocationRecord({
        key_id: key.key_id,
        public_key: key.public_key,
        producer,
        tenants: [],
        valid_from,
        suspect_since: null,
      });
      await appendToRegistry(directory, context, [record]);
      console.say(`the key of ${producer} is not valid from ${new Date(valid_from).toISOString()} on`);
      console.result({ producer, key_id: hex(key.key_id), valid_from });
    });

  keys
    .command('list')
    .description('list the producers whose keys lie in this directory')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: Common) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const found: { producer: string; key_id: string }[] = [];
      for (const producer of await producerNames(directory)) {
        found.push({ producer, key_id: hex((await loadProducerKey(directory, producer)).key_id) });
      }
      if (found.length === 0) console.say(`no producer keys in ${directory.keys_dir}; make one with \`sealtrail keys add\``);
      else
        console.say(
          formatTable({ header: ['producer', 'key id'], rows: found.map((key) => [key.producer, key.key_id]), width: console.columns }),
        );
      console.result({ producers: found });
    });
}

async function appendToRegistry(directory: DataDirectory, context: CommandContext, records: readonly Uint8Array[]): Promise<void> {
  const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms: context.clock_ms, random: context.random });
  try {
    await ensureTopics(log, directory.deployment);
    const producer = await log.producer();
    await appendKeyRecords(producer, directory.deployment.registry_topic, records);
    await producer.close();
  } finally {
    await log.close();
  }
}
