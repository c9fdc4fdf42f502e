import { Starvation } from '../../../runtime/supervisor/policy/starvation.ts';

const door = { id: 'stream:door', ringPath: '/ring/door' };
const writer = (packets: number, generation = 1) => ({ ringPath: '/ring/door', generation, packets });

test('a channel waits while nothing is written', () => {
  const starvation = new Starvation();
  for (let i = 0; i < 5; i++) expect(starvation.look([door], [writer(100)])).toEqual([]);
});

test('the first packet after the wait began ends it', () => {
  const starvation = new Starvation();
  starvation.look([door], [writer(100)]);
  expect(starvation.look([door], [writer(101)])).toEqual(['stream:door']);
});

test('a writer that was started meanwhile counts from zero', () => {
  const starvation = new Starvation();
  starvation.look([door], [writer(100)]);
  expect(starvation.look([door], [writer(0, 2)])).toEqual([]);
  expect(starvation.look([door], [writer(1, 2)])).toEqual(['stream:door']);
});

test('packets of another camera do not end it', () => {
  const starvation = new Starvation();
  starvation.look([door], []);
  expect(starvation.look([door], [{ ringPath: '/ring/garden', generation: 1, packets: 50 }])).toEqual([]);
});

test('a wait that begins again begins with what is written by then', () => {
  const starvation = new Starvation();
  starvation.look([door], [writer(100)]);
  starvation.look([], [writer(200)]);
  expect(starvation.look([door], [writer(300)])).toEqual([]);
});
