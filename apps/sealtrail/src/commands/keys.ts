import {
  appendKeyRecords,
  createProducerKey,
  type DataDirectory,
  ledgerKey,
  loadProducerKey,
  openDataDirectory,
  producerNames,
  RegistryStream,
  registrationRecord,
  retireProducerKey,
  revocationRecord,
  type SigningKey,
} from '@sealtrail/data-directory';
import { formatVerifierKey, noteVerifierKey } from '@sealtrail/merkle';
import { sha256 } from '@sealtrail/merkle/node';
import type { Registry } from '@sealtrail/seal';
import { formatTable } from '@sealtrail/service-runtime';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { writeOutput } from '../cli/files.ts';
import { commaList, wholeNumber } from '../cli/options.ts';
import { standingOf } from '../deployment/key-standing.ts';
import { operatorOrigin } from '../deployment/origin.ts';
import { ensureTopics } from '../deployment/topics.ts';

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
      const key = await withLog(directory, context, async (log) => {
        const made = await newKey(directory, context, log, producer);
        const registration = { key_id: made.key_id, public_key: made.public_key, producer, tenants: options.tenants, valid_from: 0 };
        await log.register(registrationRecord(registration));
        return made;
      });
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
      const now_ms = context.clock_ms();
      const { key_id, public_key } = key;
      const before = await withLog(directory, context, async (log) => {
        const { revoked_from } = standingOf(await log.registry(), key_id, now_ms);
        const revocation = { key_id, public_key, producer, tenants: [], valid_from: now_ms, suspect_since: null };
        if (revoked_from === null) await log.register(revocationRecord(revocation));
        return revoked_from;
      });
      const valid_from = before ?? now_ms;
      const since = `not valid from ${new Date(valid_from).toISOString()} on`;
      console.say(`the key of ${producer} ${before === null ? `is ${since}` : `was revoked already: it is ${since}`}`);
      console.result({ producer, key_id: hex(key_id), valid_from, changed: before === null });
    });

  keys
    .command('list')
    .description('list the producers whose keys lie in this directory')
    .option('--data <dir>', 'data directory', 'data')
    .option('--json', 'end with one JSON object')
    .action(async (options: Common) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const names = await producerNames(directory);
      const found = await withLog(directory, context, async (log) => {
        const registry = await log.registry();
        return Promise.all(
          names.map(async (producer) => {
            const { key_id } = await loadProducerKey(directory, producer);
            return { producer, ...standingOf(registry, key_id, context.clock_ms()), key_id: hex(key_id) };
          }),
        );
      });
      if (found.length === 0) console.say(`no producer keys in ${directory.keys_dir}; make one with \`sealtrail keys add\``);
      else
        console.say(
          formatTable({
            header: ['producer', 'state', 'tenants', 'key id'],
            rows: found.map((key) => [key.producer, key.state, key.tenants.join(', '), key.key_id]),
            width: console.columns,
          }),
        );
      console.result({ producers: found });
    });
}

/** The registry's stream, for as long as the log is open. */
interface RegistryLog {
  registry(): Promise<Registry>;
  register(record: Uint8Array): Promise<void>;
}

async function withLog<T>(directory: DataDirectory, context: CommandContext, act: (log: RegistryLog) => Promise<T>): Promise<T> {
  const { registry_topic } = directory.deployment;
  const log = await context.adapters.openLog(directory);
  try {
    await ensureTopics(log, directory.deployment);
    const [producer, reader] = await Promise.all([log.producer(), log.reader()]);
    const stream = new RegistryStream({ reader, sha256: sha256(), topic: registry_topic });
    return await act({
      registry: () => stream.readToEnd(),
      register: (record) => appendKeyRecords(producer, registry_topic, [record]),
    });
  } finally {
    await log.close();
  }
}

/** A new key; one that was made and never registered, because that was cut short, is taken up. */
async function newKey(directory: DataDirectory, context: CommandContext, log: RegistryLog, producer: string): Promise<SigningKey> {
  if ((await producerNames(directory)).includes(producer)) {
    const present = await loadProducerKey(directory, producer);
    const { state } = standingOf(await log.registry(), present.key_id, context.clock_ms());
    if (state === 'not registered') return present;
    if (state === 'revoked') await retireProducerKey(directory, producer);
  }
  return createProducerKey(directory, producer, context.random);
}
