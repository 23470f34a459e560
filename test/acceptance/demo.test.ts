import { describe, expect, it } from 'vitest';
import { end, start } from './cli.ts';

interface Demo {
  readonly emitted: number;
  readonly entries: number;
  readonly batches: number;
  readonly rejected: number;
  readonly tamper: {
    readonly altered: { readonly tenant: string; readonly entry: number };
    readonly found: readonly { readonly code: string; readonly tenant: string; readonly entry: number }[];
  };
  readonly ok: boolean;
}

// That a fresh clone gets here by itself is a step of `.ci/run`.
describe('npm run demo', () => {
  it('emits, seals, queries, verifies, alters one row and names it', async () => {
    const ended = await end(start('npm', ['run', '--silent', 'demo', '--', '--json']));
    expect(ended.code, ended.stderr).toBe(0);
    const demo = ended.json<Demo & Record<string, unknown>>();
    expect(demo).toMatchObject({ rejected: 0, ok: true, tamper: { found: [{ ...demo.tamper.altered, code: 'entry_altered' }] } });
    expect(demo.emitted).toBeGreaterThan(1_900);
    expect(demo.entries).toBe(demo.emitted);
    expect(demo.batches).toBeGreaterThan(3);
  });

  it('prints a summary for people', async () => {
    const ended = await end(start('npm', ['run', '--silent', 'demo', '--', '--requests', '400']));
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/Everything held/);
    expect(ended.stdout).toMatch(/found +entry_altered/);
    const width = Math.max(...ended.stdout.split('\n').map((line) => line.length));
    expect(width, 'a line is wider than the screen').toBeLessThanOrEqual(110);
  });
});
