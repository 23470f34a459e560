/** The broker of the tests: a script of the repository, not part of this package. */
interface BrokerScript {
  freePort(): Promise<number>;
  startBroker(options: { readonly dir: string; readonly port: number; readonly heap_mb: number }): Promise<TestBroker>;
}

export interface TestBroker {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startTestBroker(dir: string, heap_mb: number): Promise<TestBroker> {
  const script = (await import(new URL('../../../scripts/kafka/broker.ts', import.meta.url).href)) as BrokerScript;
  return script.startBroker({ dir, port: await script.freePort(), heap_mb });
}
