import { createHandle, readHandle } from '../../runtime/channel/handle.ts';

const media = {
  codec: 'h264' as const,
  width: 1280,
  height: 720,
  fps: 25,
  audio: { codec: 'aac' as const, sampleRate: 8000, channels: 1 },
  leftOut: ['a data track'],
};

test('a handle comes back from a wire as it was sent', () => {
  const handle = createHandle('tab/camera:0', 'epoch-1', media);
  expect(readHandle({ media: structuredClone(handle) })).toEqual({ type: 'handle', handle });
});

test('a handle is plain JSON and holds nothing but names and numbers', () => {
  const handle = createHandle('tab/camera:0', 'epoch-1', media);
  expect(JSON.parse(JSON.stringify(handle))).toEqual(handle);
  expect(Object.keys(handle).toSorted()).toEqual(
    ['audio', 'codec', 'epoch', 'form', 'fps', 'height', 'id', 'kind', 'v', 'width'].toSorted(),
  );
});

test('a camera that has not been seen yet has a handle without a description', () => {
  const handle = createHandle('tab/camera:0', 'epoch-1', null);
  expect(handle).toMatchObject({ codec: null, width: null, height: null, fps: null, audio: null });
  expect(readHandle({ media: handle }).type).toBe('handle');
});

test('what a flow adds to a handle does not make it unusable', () => {
  const handle = createHandle('tab/camera:0', 'epoch-1', media);
  expect(readHandle({ media: { ...handle, note: 'added by a change node' } })).toEqual({ type: 'handle', handle });
});

test('null takes the source away', () => {
  expect(readHandle({ media: null })).toEqual({ type: 'detach' });
});

test.each([
  ['no media at all', undefined],
  ['text', 'front-door'],
  ['pixels', Buffer.alloc(10)],
  ['another version', { ...createHandle('a:0', 'e', null), v: 2 }],
  ['no id', { ...createHandle('a:0', 'e', null), id: '' }],
])('a message with %s is unusable and says so', (_what, value) => {
  const read = readHandle({ media: value });
  expect(read.type).toBe('unusable');
  expect(read).toHaveProperty('message', expect.stringMatching(/msg\.media/));
});
