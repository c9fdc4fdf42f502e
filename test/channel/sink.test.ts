import { createHandle, type MediaHandle } from '../../runtime/channel/handle.ts';
import { EMPTY_SINK, sinkReact, type SinkEffect, type SinkEvent } from '../../runtime/channel/sink.ts';

const a = createHandle('tab/a:0', 'a1', null);
const b = createHandle('tab/b:0', 'b1', null);

const expecting: SinkEvent = { type: 'expect' };
const settle: SinkEvent = { type: 'settle', keepLast: false };
const settleKeeping: SinkEvent = { type: 'settle', keepLast: true };
const told = (handle: MediaHandle): SinkEvent => ({ type: 'message', handle });

function textOf(effect: SinkEffect): string {
  if (effect.type === 'attach') return `attach ${effect.handle.epoch}`;
  return effect.type === 'contested' ? `left out ${effect.leftOut.join(' ')}` : 'detach';
}

/** What a sink does over a series of events, and what it holds in the end. */
function run(...events: SinkEvent[]): { effects: string[]; held: string | undefined } {
  let state = EMPTY_SINK;
  const done: string[] = [];
  for (const event of events) {
    const step = sinkReact(state, event);
    state = step.state;
    done.push(...step.effects.map(textOf));
  }
  return { effects: done, held: state.held?.epoch };
}

test('the first source attaches at once', () => {
  expect(run(expecting, told(a))).toEqual({ effects: ['attach a1'], held: 'a1' });
});

test('a confirmed source goes on without anything happening, deploy after deploy', () => {
  const round = [expecting, told(a), settle];
  expect(run(...round, ...round, ...round)).toEqual({ effects: ['attach a1'], held: 'a1' });
});

test('a source that nobody confirms is dropped when announcements are through, and not before', () => {
  expect(run(expecting, told(a), settle, expecting).held).toBe('a1');
  expect(run(expecting, told(a), settle, expecting, settle)).toEqual({
    effects: ['attach a1', 'detach'],
    held: undefined,
  });
});

test('a late confirmation attaches again', () => {
  expect(run(expecting, told(a), settle, expecting, settle, told(a)).effects).toEqual([
    'attach a1',
    'detach',
    'attach a1',
  ]);
});

test('the same source with another epoch replaces itself at once', () => {
  const a2 = { ...a, epoch: 'a2' };
  expect(run(expecting, told(a), settle, expecting, told(a2))).toEqual({
    effects: ['attach a1', 'attach a2'],
    held: 'a2',
  });
});

test('another description of the same source is a confirmation', () => {
  expect(run(expecting, told(a), settle, told({ ...a, width: 640 })).effects).toEqual(['attach a1']);
});

test('a source that was wired in place of another one takes over when announcements are through', () => {
  expect(run(expecting, told(a), settle, expecting, told(b)).held).toBe('a1');
  expect(run(expecting, told(a), settle, expecting, told(b), settle)).toEqual({
    effects: ['attach a1', 'attach b1'],
    held: 'b1',
  });
});

test('of two sources wired to one sink the last one is served; the other is named; it never goes back and forth', () => {
  const round = [expecting, told(a), told(b), settle];
  expect(run(...round, ...round, ...round)).toEqual({
    effects: ['attach a1', 'attach b1', 'left out tab/a:0', 'left out tab/a:0', 'left out tab/a:0'],
    held: 'b1',
  });
});

test('a choice of the flow is obeyed at once; while announcements run, when they are through', () => {
  expect(run(expecting, told(a), settle, told(b))).toEqual({ effects: ['attach a1', 'attach b1'], held: 'b1' });
  const during = [expecting, told(a), settle, expecting, told(a), told(b)];
  expect(run(...during).held).toBe('a1');
  expect(run(...during, settle).held).toBe('b1');
});

test('a choice that is taken back while announcements run changes nothing', () => {
  expect(run(expecting, told(a), told(b), told(a), settle).effects).toEqual(['attach a1', 'left out tab/b:0']);
});

test('with "keep the last source" a choice outlives announcements in which nothing comes through', () => {
  expect(run(expecting, told(a), settle, told(b), expecting, settleKeeping).held).toBe('b1');
  expect(run(expecting, told(a), settle, told(b), expecting, settle).held).toBeUndefined();
});

test('the end of the held source detaches, also with "keep the last source"', () => {
  expect(run(expecting, told(a), settleKeeping, { type: 'ended', id: a.id })).toEqual({
    effects: ['attach a1', 'detach'],
    held: undefined,
  });
});

test('the end of another source changes nothing', () => {
  expect(run(expecting, told(a), settle, { type: 'ended', id: b.id }).effects).toEqual(['attach a1']);
});

test('the other source takes over at once when the held one ends while announcements run', () => {
  expect(run(expecting, told(a), told(b), { type: 'ended', id: a.id }).held).toBe('b1');
});

test('a source that ended is not taken over when announcements are through', () => {
  expect(run(expecting, told(a), told(b), { type: 'ended', id: b.id }, settle).held).toBe('a1');
});

test('a detach from the flow drops the source', () => {
  expect(run(expecting, told(a), { type: 'detach' })).toEqual({ effects: ['attach a1', 'detach'], held: undefined });
});
