/**
 * Hearing the bell by looking: every 5 ms, whether it rang or not. The way that always works (1 to 2 % of a core).
 *
 * Also here: what every way of listening has in common. Not here: choosing one (bell.ts).
 */

/** Listening in one way. `check` is called four times a second, for what can only be noticed by looking. */
export type Listening = { readonly check?: () => void; readonly close: () => void };

/** Begins to listen, or says `undefined`: this way does not work here. `onFail` is called when it stops working later on. */
export type Way = (ringPath: string, onRing: () => void, onFail: () => void) => Listening | undefined;

/** The writer's end of one way. */
export type Hammer = { readonly strike: () => void; readonly close: () => void };

const PERIOD_MS = 5;

export function listenByPolling(_ringPath: string, onRing: () => void): Listening {
  const timer = setInterval(onRing, PERIOD_MS);
  return { close: () => clearInterval(timer) };
}
