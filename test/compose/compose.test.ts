/** docker-compose.yml and Dockerfile against the code that they start: no Docker is needed to find a name that nobody reads. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DETECTOR_VARIABLES, readDetectorConfig, stateFileOf } from '@sealtrail/detector/config';
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
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
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
/** Volume and mode by where a service mounts it. */
const mounts = (name: string): ReadonlyMap<string, readonly [volume: string, mode: string]> =>
  new Map(
    (service(name).volumes ?? []).map((text) => {
      const [volume = '', path = '', mode = 'rw'] = text.split(':');
      return [path, [volume, mode]] as const;
    }),
  );
/** A stage of the Dockerfile, without its FROM. */
const stage = (name: string): string =>
  dockerfile.split(/^FROM /m).find((text) => text.split('\n', 1)[0]?.endsWith(` AS ${name}`)) ?? 'no such stage';
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** Services of this repository: what they read, and whose configuration it is. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  ledger: LEDGER_VARIABLES,
  detector: DETECTOR_VARIABLES,
  setup: [...Object.keys(KAFKA_VARIABLES), ...Object.keys(CLICKHOUSE_VARIABLES)],
};

const detectorConfig = () => readDetectorConfig(service('detector').environment, () => 'secret\n');
/** Services that stay, and their configuration. */
const SERVED = [
  ['ledger', readLedgerConfig(service('ledger').environment, () => 'secret\n')],
  ['detector', detectorConfig()],
] as const;
/** Where the image has a file that this repository has at `path`. */
const inImage = (path: string): string => path.replace(new URL('../..', import.meta.url).pathname, '/app/');

describe('docker-compose.yml', () => {
  it.each(Object.entries(READ_BY))('sets for %s only variables that it reads', (name, known) => {
    expect(Object.keys(service(name).environment).filter((variable) => !known.includes(variable))).toEqual([]);
  });

  it.each(SERVED)('sets everything that the %s needs, and its configuration is taken', (_name, config) => {
    expect(config.kafka.brokers).toEqual(['kafka:9092']);
    expect(config.clickhouse).toMatchObject({ url: 'http://clickhouse:8123', username: 'sealtrail', password: 'secret' });
  });

  it.each([
    ['ledger', LEDGER_VARIABLES],
    ['detector', DETECTOR_VARIABLES],
  ])('reads every variable of the %s in its documentation, and documents none that is not read', (name, variables) => {
    const documented = Array.from(read(`docs/operations/${name}.md`).matchAll(/^\| `([A-Z_]+)` \|/gm), ([, variable]) => variable);
    expect(documented).toEqual(variables);
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

  it.each(SERVED)('asks for the %s’s health where it serves it, and waits for its shutdown', (name, config) => {
    expect(service(name).healthcheck?.test.join(' ')).toContain(`:${config.operations_port}/readyz`);
    expect(stage(name)).toContain(`EXPOSE ${config.operations_port}\n`);
    const grace_ms = Number(/^(\d+)s$/.exec(service(name).stop_grace_period ?? '')?.[1]) * 1000;
    expect(grace_ms).toBeGreaterThan(config.shutdown_deadline_ms);
  });

  it.each(SERVED)('starts the %s after setup has ended, in the folder that setup made', (name, config) => {
    expect(service(name).depends_on).toEqual({ setup: { condition: 'service_completed_successfully' } });
    const folder = service('setup').command?.[2];
    expect(service('setup').command?.slice(0, 3)).toEqual(['setup', '--data', folder]);
    expect(config.deployment_dir).toBe(folder);
    for (const one of ['setup', name]) expect(mounts(one).get(folder ?? '')?.[0]).toBe('deployment');
  });

  it.each(SERVED)('gives the %s no more than it needs: no root, no capabilities, no file system to write in but its volumes', (name) => {
    const { read_only, cap_drop, security_opt } = service(name);
    expect({ read_only, cap_drop, security_opt }).toEqual({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(stage(name)).toMatch(/^USER node$/m);
    // A named volume takes the owner that its folder has in the image.
    const [, owned] = /^RUN mkdir (.*) && chown node:node \1$/m.exec(stage(name)) ?? [];
    expect(owned?.split(' ')).toEqual(Array.from(mounts(name).keys()));
  });

  it('keeps the detector’s state in a volume of its own, which all its instances mount, and lets it write nowhere else', () => {
    expect(dirname(stateFileOf(detectorConfig()))).toBe('/state');
    expect(mounts('detector').get('/state')).toEqual(['detector', 'rw']);
    expect(mounts('detector').get('/deployment')).toEqual(['deployment', 'ro']);
  });
});

describe('Dockerfile', () => {
  it('runs no stage that starts something as root', () => {
    const stages = dockerfile.split(/^FROM /m).filter((stage) => /^(CMD|ENTRYPOINT)/m.test(stage));
    expect(stages.length).toBe(3);
    for (const stage of stages) expect(stage).toMatch(/^USER node$/m);
  });

  it('starts files that the build makes', () => {
    for (const [, path] of dockerfile.matchAll(/"node", (?:"--[^"]+", )*"([^"-][^"]*)"/g)) {
      const source = path?.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
      expect(() => read(source ?? '')).not.toThrow();
    }
  });

  it('has the rules where the detector and the command line look for them when nothing else is said', () => {
    const { rules, pipelines } = detectorConfig().rules;
    for (const path of [...rules, ...pipelines]) expect(inImage(path)).toMatch(/^\/app\/rules(\/|$)/);
    for (const name of ['detector', 'cli']) expect(stage(name)).toMatch(/^WORKDIR \/app\n(.*\n)*COPY rules rules\n/m);
    expect(read('.dockerignore')).not.toMatch(/rules/);
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
