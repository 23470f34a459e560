import { describe, expect, it } from 'vitest';
import { textOf, trackedFiles } from './files.ts';

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly engines?: { readonly node?: string };
  readonly exports?: Record<string, unknown>;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}
interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Package names that its sources import, each with a file that does. */
  readonly imports: ReadonlyMap<string, string>;
  /** The same, of sources that wire nothing: all but `src/main.ts`. */
  readonly unwired: ReadonlyMap<string, string>;
}

const files = trackedFiles();
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

function importsOf(folder: string, without: string | null = null): ReadonlyMap<string, string> {
  const imports = new Map<string, string>();
  for (const path of files.filter((file) => file.startsWith(`${folder}/src/`) && file.endsWith('.ts') && file !== without)) {
    for (const [, from, bare, dynamic] of textOf(path).matchAll(IMPORT)) {
      const specifier = from ?? bare ?? dynamic ?? '';
      if (!specifier.startsWith('.') && !specifier.startsWith('node:')) imports.set(packageOf(specifier), path);
    }
  }
  return imports;
}

const workspaces: readonly Workspace[] = files
  .filter((path) => /^(?:packages|services|apps)\/[^/]+\/package\.json$|^(?:examples|bench|test)\/package\.json$/.test(path))
  .map((path) => {
    const folder = path.slice(0, -'/package.json'.length);
    return {
      folder,
      manifest: JSON.parse(textOf(path)) as Manifest,
      imports: importsOf(folder),
      unwired: importsOf(folder, `${folder}/src/main.ts`),
    };
  });
const folderOf = (name: string): string | undefined => workspaces.find(({ manifest }) => manifest.name === name)?.folder;

/** Adapters: only what composes may import them. Conformance suites and fault injection are for tests. */
const ADAPTERS = ['@sealtrail/event-log-lmdb', '@sealtrail/store-chdb', '@sealtrail/event-log-kafka', '@sealtrail/store-clickhouse'];
/** What conformance suites are written in: whoever runs one has them. */
const TEST_TOOLS = ['vitest', 'fast-check'];
const COMPOSERS = /^(?:apps\/|examples$|bench$|test$)/;

describe('packages', () => {
  it('declare what they import', () => {
    const undeclared = workspaces.flatMap(({ folder, manifest, imports }) =>
      [...imports]
        .filter(
          ([name]) =>
            name !== manifest.name && !TEST_TOOLS.includes(name) && !(name in { ...manifest.dependencies, ...manifest.peerDependencies }),
        )
        .map(([name, path]) => `${folder}: ${name} (${path})`),
    );
    expect(undeclared).toEqual([]);
  });

  it('point downwards: apps, services, packages', () => {
    const wrong = workspaces.flatMap(({ folder, imports }) =>
      [...imports]
        .filter(([name]) => {
          const target = folderOf(name) ?? '';
          return (
            (folder.startsWith('packages/') && /^(?:services|apps|examples|bench|test)/.test(target)) ||
            (folder.startsWith('services/') && /^(?:services|apps|examples|bench|test)/.test(target))
          );
        })
        .map(([name, path]) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('leave adapters to those who compose', () => {
    const wrong = workspaces
      .filter(({ folder }) => !COMPOSERS.test(folder))
      .flatMap(({ unwired }) => [...unwired].filter(([name]) => ADAPTERS.includes(name)).map(([name, path]) => `${path} imports ${name}`));
    expect(wrong).toEqual([]);
  });

  it('state licence, engine and, for each entry point, its sources', () => {
    for (const { folder, manifest } of workspaces) {
      expect(manifest.license, folder).toBe('Apache-2.0');
      expect(manifest.engines?.node, folder).toBe('>=20.19');
      for (const [entry, targets] of Object.entries(manifest.exports ?? {})) {
        const { source } = targets as { readonly source?: string };
        expect(files, `${folder} ${entry}`).toContain(`${folder}/${source?.slice(2)}`);
      }
    }
  });
});
