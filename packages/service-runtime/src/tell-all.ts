/** Tells several listeners, in order. */
export function tellAll<Events extends { readonly [Name in keyof Events]: (...args: never[]) => void }>(
  listeners: readonly [Events, ...(readonly Events[])],
): Events {
  const [first] = listeners;
  const each =
    (name: keyof Events) =>
    (...args: never[]): void => {
      for (const listener of listeners) listener[name](...args);
    };
  return Object.fromEntries((Object.keys(first) as (keyof Events)[]).map((name) => [name, each(name)])) as unknown as Events;
}
