/** docker-compose.yml and Dockerfile against the code that they start: no Docker is needed to find a name that nobody reads. */
import { readFileSync } from 'node:fs';
import { LEDGER_VARIABLES, readLedgerConfig } from '@sealtrail/ledger/config';
import { CLICKHOUSE_VARIABLES, KAFKA_VARIABLES } from '@sealtrail/service-runtime';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly restart?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
}

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const dockerfile = read('Dockerfile');
const services = Object.entries(compose.services);
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** Services of this repository: what they read, and whose configuration it is. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  ledger: LEDGER_VARIABLES,
  setup: [...Object.keys(KAFKA_VARIABLES), ...Object.keys(CLICKHOUSE_VARIABLES)],
};

describe('docker-compose.yml', () => {
  it.each(Object.entries(READ_BY))('sets for %s only variables that it reads', (name, known) => {
    expect(Object.keys(service(name).environment).filter((variable) => !known.includes(variable))).toEqual([]);
  });

  it('sets everything that the ledger needs, and its configuration is taken', () => {
    const config = readLedgerConfig(service('ledger').environment, () => 'secret\n');
    expect(config.kafka.brokers).toEqual(['kafka:9092']);
    expect(config.clickhouse).toMatchObject({ url: 'http://clickhouse:8123', username: 'sealtrail', password: 'secret' });
  });

  it('reads every variable of the ledger in its documentation, and documents none that is not read', () => {
    const documented = Array.from(read('docs/operations/ledger.md').matchAll(/^\| `([A-Z_]+)` \|/gm), ([, name]) => name);
    expect(documented).toEqual(LEDGER_VARIABLES);
  });

  it('pins every image and builds the others from stages that exist', () => {
    for (const [name, { image, build }] of services) {
      if (image !== undefined) expect(image, name).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?$/);
      else expect(dockerfile, name).toMatch(new RegExp(`^FROM .* AS ${build?.target}$`, 'm'));
    }
  });

  it('limits the memory of every service and checks the health of every one that stays', () => {
    for (const [name, { mem_limit, restart, healthcheck }] of services) {
      expect(mem_limit, name).toMatch(/^\d+[mg]$/);
      if (restart !== undefined) expect(healthcheck?.test.length, name).toBeGreaterThan(1);
    }
  });

  it('publishes ports on the loopback interface only, and those that the servers listen on', () => {
    const ports = services.flatMap(([, { ports: published = [] }]) => published);
    expect(ports).toEqual(['127.0.0.1:29092:29092', '127.0.0.1:8123:8123']);
    expect(service('kafka').environment['KAFKA_LISTENERS']).toContain('HOST://:29092');
    expect(service('kafka').environment['KAFKA_LISTENERS']).toContain('INTERNAL://:9092');
  });

  it('declares the volumes and secrets that services mount, and mounts all that it declares', () => {
    const mounted = new Set(services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0])));
    expect([...mounted].sort()).toEqual(Object.keys(compose.volumes).sort());
    const used = new Set(services.flatMap(([, { secrets = [] }]) => secrets));
    expect([...used]).toEqual(Object.keys(compose.secrets));
    for (const [name, { environment, secrets = [] }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (variable.endsWith('_FILE'))
          expect(
            secrets.map((secret) => `/run/secrets/${secret}`),
            name,
          ).toContain(value);
      }
    }
  });

  it('asks for the ledger’s health where it serves it, and waits for its shutdown', () => {
    const config = readLedgerConfig(service('ledger').environment, () => '');
    expect(service('ledger').healthcheck?.test.join(' ')).toContain(`:${config.operations_port}/readyz`);
    expect(dockerfile).toContain(`EXPOSE ${config.operations_port}`);
    const grace_ms = Number(/^(\d+)s$/.exec(service('ledger').stop_grace_period ?? '')?.[1]) * 1000;
    expect(grace_ms).toBeGreaterThan(config.shutdown_deadline_ms);
  });

  it('starts the ledger after setup has ended, in the folder that setup made', () => {
    expect(service('ledger').depends_on).toEqual({ setup: { condition: 'service_completed_successfully' } });
    const folder = service('setup').command?.[2];
    expect(service('setup').command?.slice(0, 3)).toEqual(['setup', '--data', folder]);
    expect(service('ledger').environment['SEALTRAIL_DEPLOYMENT_DIR']).toBe(folder);
    for (const name of ['setup', 'ledger']) expect(service(name).volumes).toContain(`deployment:${folder}`);
  });
});

describe('Dockerfile', () => {
  it('runs no stage that starts something as root', () => {
    const stages = dockerfile.split(/^FROM /m).filter((stage) => /^(CMD|ENTRYPOINT)/m.test(stage));
    expect(stages.length).toBe(2);
    for (const stage of stages) expect(stage).toMatch(/^USER node$/m);
  });

  it('starts files that the build makes', () => {
    for (const [, path] of dockerfile.matchAll(/"node", (?:"--[^"]+", )*"([^"-][^"]*)"/g)) {
      const source = path?.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
      expect(() => read(source ?? '')).not.toThrow();
    }
  });

  it('starts Node for the ledger as the command line and the benchmarks do', () => {
    const flag = /^CMD \["node", "(--[^"]+)", "services\/ledger/m.exec(dockerfile)?.[1] ?? 'none';
    expect(read('sealtrail')).toContain(`exec node ${flag} `);
    expect(read('docs/operations/ledger.md')).toContain(`\`${flag}\``);
    expect(read('bench/src/node-flags.ts')).toContain(`['${flag}']`);
  });

  it('has the release of Node that is supported', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const [, major, minor] = /node:(\d+)\.(\d+)\.\d+-/.exec(dockerfile) ?? [];
    expect(engines.node).toBe('>=20.19');
    expect(Number(major)).toBe(20);
    expect(Number(minor)).toBeGreaterThanOrEqual(19);
  });
});
