/** Resolves after `wait_ms`, or when one of the signals aborts. */
export const pause = (wait_ms: number, ...stops: readonly AbortSignal[]): Promise<void> =>
  new Promise((resolve) => {
    if (stops.some(({ aborted }) => aborted)) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      for (const stop of stops) stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, wait_ms);
    for (const stop of stops) stop.addEventListener('abort', done);
  });

export interface Abortion {
  /** Resolves when the signal aborts. */
  readonly happened: Promise<null>;
  /** A signal that lives long must not collect listeners. */
  forget(): void;
}

export function abortionOf(signal: AbortSignal): Abortion {
  let tell: () => void = () => undefined;
  const happened = new Promise<null>((resolve) => {
    tell = () => resolve(null);
  });
  if (signal.aborted) tell();
  else signal.addEventListener('abort', tell);
  return { happened, forget: () => signal.removeEventListener('abort', tell) };
}
