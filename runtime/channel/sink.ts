/**
 * Which source a sink has: a pure reaction to what comes in over its wire, to announcements and to the end of sources. A sink has one source at most, and the
 * last one that it was told of counts, as everywhere in Node-RED.
 *
 * While announcements run, another source than the one that is held is only noted, and taken over when they are through: of two cameras that are wired to one
 * stream both announce themselves, and the stream must not go back and forth between them.
 */
import type { MediaHandle } from './handle.ts';

export type SinkState = {
  readonly held: MediaHandle | null;
  /** Whether somebody sent `held` since the last announcements began. */
  readonly confirmed: boolean;
  /** True from the beginning of announcements until they are through. */
  readonly expecting: boolean;
  /** The other source that was told last meanwhile. */
  readonly candidate: MediaHandle | null;
  /** Ids of the sources that were told meanwhile. */
  readonly heard: readonly string[];
};

export type SinkEvent =
  | { readonly type: 'message'; readonly handle: MediaHandle }
  | { readonly type: 'detach' }
  | { readonly type: 'ended'; readonly id: string }
  | { readonly type: 'expect' }
  /** `keepLast`: the flow gates sources by a state of its own, and an announcement does not get through. */
  | { readonly type: 'settle'; readonly keepLast: boolean };

export type SinkEffect =
  | { readonly type: 'attach'; readonly handle: MediaHandle }
  | { readonly type: 'detach' }
  /** Several sources reach this sink; these are the ids of those that it does not have. */
  | { readonly type: 'contested'; readonly leftOut: readonly string[] };

export const EMPTY_SINK: SinkState = { held: null, confirmed: false, expecting: false, candidate: null, heard: [] };

export type SinkStep = { readonly state: SinkState; readonly effects: readonly SinkEffect[] };

export function sinkReact(state: SinkState, event: SinkEvent): SinkStep {
  switch (event.type) {
    case 'message':
      return message(hear(state, event.handle.id), event.handle);
    case 'detach':
      return drop(state);
    case 'ended':
      return ended(state, event.id);
    case 'expect':
      return still({ ...state, expecting: true, confirmed: false, candidate: null, heard: [] });
    case 'settle':
      return settle({ ...state, expecting: false }, event.keepLast);
  }
}

function message(state: SinkState, handle: MediaHandle): SinkStep {
  const { held, expecting } = state;
  if (held?.id === handle.id && held.epoch === handle.epoch) {
    return still({ ...state, held: handle, confirmed: true, candidate: null });
  }
  if (held && held.id !== handle.id && expecting) return still({ ...state, candidate: handle });
  return attach(state, handle);
}

function ended(state: SinkState, id: string): SinkStep {
  const candidate = state.candidate?.id === id ? null : state.candidate;
  if (state.held?.id !== id) return still({ ...state, candidate });
  return candidate ? attach(state, candidate) : drop(state);
}

function settle(state: SinkState, keepLast: boolean): SinkStep {
  const { held, confirmed, candidate, heard } = state;
  const step = candidate ? attach(state, candidate) : held && !confirmed && !keepLast ? drop(state) : still(state);
  const leftOut = heard.filter((id) => id !== step.state.held?.id);
  if (leftOut.length === 0 || !step.state.held) return step;
  return { state: step.state, effects: [...step.effects, { type: 'contested', leftOut }] };
}

function hear(state: SinkState, id: string): SinkState {
  return !state.expecting || state.heard.includes(id) ? state : { ...state, heard: [...state.heard, id] };
}

function still(state: SinkState): SinkStep {
  return { state, effects: [] };
}

function attach(state: SinkState, handle: MediaHandle): SinkStep {
  return {
    state: { ...state, held: handle, confirmed: true, candidate: null },
    effects: [{ type: 'attach', handle }],
  };
}

function drop(state: SinkState): SinkStep {
  const effects: SinkEffect[] = state.held ? [{ type: 'detach' }] : [];
  return { state: { ...state, held: null, confirmed: false, candidate: null }, effects };
}
