import { createHandle, type MediaHandle } from '../../runtime/channel/handle.ts';
import { EMPTY_SINK, sinkReact, type SinkEffect, type SinkEvent } from '../../runtime/channel/sink.ts';

const a = createHandle('tab/a:0', 'a1', null);
const b = createHandle('tab/b:0', 'b1', null);

const expecting: SinkEvent = { type: 'expect' };
const settle: SinkEvent = { type: 'settle', keepLast: false };
const settleKeeping: SinkEvent = { type: 'settle', keepLast: true };
const announced = (handle: MediaHandle): SinkEvent => ({ type: 'message', handle, spontaneous: true });
const chosen = (handle: MediaHandle): SinkEvent => ({ type: 'message', handle, spontaneous: false });

function textOf(effect: SinkEffect): string {
  if (effect.type === 'attach') return `attach ${effect.handle.epoch}`;
  return effect.type === 'refused' ? `refuse ${effect.id}` : 'detach';
}

/** What a sink does over a series of events, and what it holds in the end. */
function run(...events: SinkEvent[]): { effects: string[]; held: string | undefined } {
  let state = EMPTY_SINK;
  const effects: string[] = [];
  for (const event of events) {
    const step = sinkReact(state, event);
    state = step.state;
    if (step.effect) effects.push(textOf(step.effect));
  }
  return { effects, held: state.held?.epoch };
}

test('the first announcement attaches at once', () => {
  expect(run(expecting, announced(a))).toEqual({ effects: ['attach a1'], held: 'a1' });
});

test('a confirmed source goes on without anything happening, deploy after deploy', () => {
  expect(run(expecting, announced(a), settle, expecting, announced(a), settle)).toEqual({
    effects: ['attach a1'],
    held: 'a1',
  });
});

test('a source that nobody confirms is dropped when the time is over, and not before', () => {
  expect(run(expecting, announced(a), settle, expecting).held).toBe('a1');
  expect(run(expecting, announced(a), settle, expecting, settle)).toEqual({
    effects: ['attach a1', 'detach'],
    held: undefined,
  });
});

test('a late confirmation attaches again', () => {
  expect(run(expecting, announced(a), settle, expecting, settle, announced(a)).effects).toEqual([
    'attach a1',
    'detach',
    'attach a1',
  ]);
});

test('the same source with another epoch replaces itself at once', () => {
  const a2 = { ...a, epoch: 'a2' };
  expect(run(expecting, announced(a), settle, expecting, announced(a2), settle)).toEqual({
    effects: ['attach a1', 'attach a2'],
    held: 'a2',
  });
});

test('another description of the same source is a confirmation', () => {
  expect(run(expecting, announced(a), settle, announced({ ...a, width: 640 })).effects).toEqual(['attach a1']);
});

test('a source that was wired in place of another one takes over when the other was not confirmed', () => {
  expect(run(expecting, announced(a), settle, expecting, announced(b))).toEqual({ effects: ['attach a1'], held: 'a1' });
  expect(run(expecting, announced(a), settle, expecting, announced(b), settle)).toEqual({
    effects: ['attach a1', 'attach b1'],
    held: 'b1',
  });
});

test('of two sources wired to one sink the first stays, however often both announce themselves', () => {
  const round = [expecting, announced(a), announced(b), settle];
  const { effects, held } = run(...round, ...round);
  expect(held).toBe('a1');
  expect(effects.filter((effect) => effect.startsWith('attach'))).toEqual(['attach a1']);
});

test('the order of announcements does not change which of two sources is held', () => {
  const { effects, held } = run(
    expecting,
    announced(a),
    announced(b),
    settle,
    expecting,
    announced(b),
    announced(a),
    settle,
  );
  expect(held).toBe('a1');
  expect(effects).toEqual(['attach a1', 'refuse tab/b:0', 'refuse tab/b:0']);
});

test('a flow that chooses another source is obeyed at once, also while announcements run', () => {
  expect(run(expecting, announced(a), settle, chosen(b))).toEqual({ effects: ['attach a1', 'attach b1'], held: 'b1' });
  expect(run(expecting, announced(a), chosen(b), settle).held).toBe('b1');
});

test('a change of a camera that is not held does not take the sink', () => {
  expect(run(expecting, announced(a), settle, announced(b)).held).toBe('a1');
});

test('with "keep the last source" a choice outlives a deploy in which nothing comes through', () => {
  expect(run(expecting, announced(a), settle, chosen(b), expecting, settleKeeping).held).toBe('b1');
  expect(run(expecting, announced(a), settle, chosen(b), expecting, announced(a), settleKeeping).held).toBe('b1');
});

test('the end of the held source detaches, also with "keep the last source"', () => {
  expect(run(expecting, announced(a), settleKeeping, { type: 'ended', id: a.id })).toEqual({
    effects: ['attach a1', 'detach'],
    held: undefined,
  });
});

test('the end of another source changes nothing', () => {
  expect(run(expecting, announced(a), settle, { type: 'ended', id: b.id }).effects).toEqual(['attach a1']);
});

test('a candidate takes over at once when the held source ends', () => {
  expect(run(expecting, announced(a), settle, expecting, announced(b), { type: 'ended', id: a.id }).held).toBe('b1');
});

test('a detach from the flow drops the source', () => {
  expect(run(expecting, announced(a), { type: 'detach' })).toEqual({
    effects: ['attach a1', 'detach'],
    held: undefined,
  });
});
