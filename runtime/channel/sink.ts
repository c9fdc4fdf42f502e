/**
 * Which source a sink has: a pure reaction to what comes in over its wire, to announcements and to the end of sources. A sink has one source at most.
 *
 * Two kinds of message are told apart. What a source sends by itself ("spontaneous": after a start of flows, or because the camera changed) never takes the
 * sink away from another live source, so two cameras wired to one stream do not make it flap. Anything else is a decision of the flow and is obeyed.
 */
import type { MediaHandle } from './handle.ts';

export type SinkState = {
  readonly held: MediaHandle | null;
  /** Whether somebody sent `held` since flows were last started. */
  readonly confirmed: boolean;
  /** True between a start of flows and the end of the time for confirmations. */
  readonly expecting: boolean;
  /** The first other source that announced itself meanwhile. */
  readonly candidate: MediaHandle | null;
  /** Ids of sources that were turned down, to tell each case once. */
  readonly refused: readonly string[];
};

export type SinkEvent =
  | { readonly type: 'message'; readonly handle: MediaHandle; readonly spontaneous: boolean }
  | { readonly type: 'detach' }
  | { readonly type: 'ended'; readonly id: string }
  | { readonly type: 'expect' }
  /** `keepLast`: the flow gates sources by a state of its own, and an announcement does not get through. */
  | { readonly type: 'settle'; readonly keepLast: boolean };

export type SinkEffect =
  | { readonly type: 'attach'; readonly handle: MediaHandle }
  | { readonly type: 'detach' }
  /** Two sources are wired to this sink: `id` was turned down. */
  | { readonly type: 'refused'; readonly id: string };

export const EMPTY_SINK: SinkState = { held: null, confirmed: false, expecting: false, candidate: null, refused: [] };

type Step = { readonly state: SinkState; readonly effect?: SinkEffect };

export function sinkReact(state: SinkState, event: SinkEvent): Step {
  switch (event.type) {
    case 'message':
      return message(state, event.handle, event.spontaneous);
    case 'detach':
      return state.held ? drop(state) : { state: { ...state, candidate: null } };
    case 'ended':
      return ended(state, event.id);
    case 'expect':
      return { state: { ...state, expecting: true, confirmed: false, candidate: null, refused: [] } };
    case 'settle':
      return settle({ ...state, expecting: false }, event.keepLast);
  }
}

function message(state: SinkState, handle: MediaHandle, spontaneous: boolean): Step {
  const { held } = state;
  if (!held || !spontaneous) return held && same(held, handle) ? confirm(state, handle) : attach(state, handle);
  if (held.id === handle.id) return same(held, handle) ? confirm(state, handle) : attach(state, handle);
  if (state.expecting) return { state: { ...state, candidate: state.candidate ?? handle } };
  return refuse(state, handle.id);
}

function ended(state: SinkState, id: string): Step {
  const candidate = state.candidate?.id === id ? null : state.candidate;
  if (state.held?.id !== id) return { state: { ...state, candidate } };
  return candidate ? attach(state, candidate) : drop(state);
}

function settle(state: SinkState, keepLast: boolean): Step {
  const { held, confirmed, candidate } = state;
  if (!held) return { state };
  if (confirmed) return candidate ? refuse({ ...state, candidate: null }, candidate.id) : { state };
  if (keepLast) return { state: { ...state, candidate: null } };
  return candidate ? attach(state, candidate) : drop(state);
}

function attach(state: SinkState, handle: MediaHandle): Step {
  return {
    state: { ...state, held: handle, confirmed: true, candidate: null },
    effect: { type: 'attach', handle },
  };
}

function confirm(state: SinkState, handle: MediaHandle): Step {
  return { state: { ...state, held: handle, confirmed: true } };
}

function drop(state: SinkState): Step {
  return { state: { ...state, held: null, confirmed: false, candidate: null }, effect: { type: 'detach' } };
}

function refuse(state: SinkState, id: string): Step {
  if (state.refused.includes(id)) return { state };
  return { state: { ...state, refused: [...state.refused, id] }, effect: { type: 'refused', id } };
}

/** The same source, opened with the same settings; the rest of a handle is a description. */
function same(a: MediaHandle, b: MediaHandle): boolean {
  return a.id === b.id && a.epoch === b.epoch;
}
