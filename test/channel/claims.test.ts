import { Claims } from '../../runtime/channel/claims.ts';

const first = { path: 'tab/a', name: 'Front door' };
const second = { path: 'tab/b', name: 'Yard' };

test('the second camera of a channel is told who has it', () => {
  const claims = new Claims();
  claims.channel('front', first);
  expect(() => claims.channel('front', second)).toThrow(/"front" belongs to the camera "Front door"/);
});

test('the second stream of a number is told who has it', () => {
  const claims = new Claims();
  claims.stream(1, '127.0.0.1', 8101, first);
  expect(() => claims.stream(1, '127.0.0.1', 9000, second)).toThrow(/number 1 belongs to the stream "Front door"/);
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['192.168.1.2', '::'],
])('two streams cannot have one port on %s and %s', (hostA, hostB) => {
  const claims = new Claims();
  claims.stream(1, hostA, 8200, first);
  expect(() => claims.stream(2, hostB, 8200, second)).toThrow(/Port 8200 belongs to the stream "Front door"/);
});

test('two streams can have one port on two addresses', () => {
  const claims = new Claims();
  claims.stream(1, '127.0.0.1', 8200, first);
  claims.stream(2, '192.168.1.2', 8200, second);
});

test('a stream that was refused its port does not keep its number', () => {
  const claims = new Claims();
  claims.stream(1, '127.0.0.1', 8200, first);
  expect(() => claims.stream(2, '127.0.0.1', 8200, second)).toThrow();
  claims.stream(2, '127.0.0.1', 8300, { path: 'tab/c', name: 'Gate' });
});

test('what a node gives back is free for the next', () => {
  const claims = new Claims();
  claims.channel('front', first);
  claims.stream(1, '127.0.0.1', 8101, first);
  claims.release(first.path);
  claims.channel('front', second);
  claims.stream(1, '127.0.0.1', 8101, second);
});

test('a node may claim again what it has', () => {
  const claims = new Claims();
  claims.channel('front', first);
  claims.channel('front', first);
  claims.stream(1, '127.0.0.1', 8101, first);
  claims.stream(1, '127.0.0.1', 8102, first);
  expect(() => claims.stream(2, '127.0.0.1', 8102, second)).toThrow();
  claims.stream(2, '127.0.0.1', 8101, second);
});
