import type { LedgerEvents } from './ports.ts';

/** Tells several listeners, in order. */
export function tellAll(listeners: readonly LedgerEvents[]): LedgerEvents {
  const each =
    <Name extends keyof LedgerEvents>(name: Name) =>
    (...args: Parameters<LedgerEvents[Name]>): void => {
      for (const listener of listeners) (listener[name] as (...args: Parameters<LedgerEvents[Name]>) => void)(...args);
    };
  return {
    recovered: each('recovered'),
    sealed: each('sealed'),
    checkpointed: each('checkpointed'),
    claimEnded: each('claimEnded'),
    eraStarted: each('eraStarted'),
    waiting: each('waiting'),
    lost: each('lost'),
    halted: each('halted'),
  };
}
