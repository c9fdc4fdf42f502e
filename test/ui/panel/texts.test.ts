/** The panel's words and figures. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bytes, dayAndTime, duration, milliseconds, percent } from '../../../ui/panel/format.ts';
import { textsFor, word } from '../../../ui/panel/texts.ts';

test.each([
  [['de-AT', 'en'], 'de'],
  [['fr', 'de'], 'de'],
  [['en-GB', 'de'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
])('somebody who reads %j gets %s', (languages, language) => {
  expect(textsFor(languages).language).toBe(language);
});

test('every event that the events node offers has words in both languages', () => {
  const html = readFileSync(path.join(__dirname, '../../../nodes/events/events.html'), 'utf8');
  const types = [...(/var TYPES = \[([\s\S]*?)\]/.exec(html)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
    (match) => match[1]!,
  );
  expect(types.length).toBeGreaterThan(10);
  for (const language of ['en', 'de']) {
    expect(types.filter((type) => word(textsFor([language]).event, type) === type)).toEqual([]);
  }
});

test('what is newer than this page is shown by its own name, and nothing is found that a map inherits', () => {
  expect(word({}, 'daemon.invented')).toBe('daemon.invented');
  expect(word({}, 'toString')).toBe('toString');
});

test.each([
  [bytes(null, 'en'), '–'],
  [bytes(840_000, 'en'), '820 KiB'],
  [bytes(19 * 2 ** 20, 'en'), '19.0 MiB'],
  [bytes(19.25 * 2 ** 20, 'de'), '19,3 MiB'],
  [bytes(104 * 2 ** 20, 'en'), '104 MiB'],
  [bytes(1.5 * 2 ** 30, 'en'), '1.5 GiB'],
  [percent(0.04, 'en'), '0.0 %'],
  [percent(12.4, 'en'), '12 %'],
  [milliseconds(0.42, 'en'), '0.4 ms'],
  [milliseconds(84, 'en'), '84 ms'],
  [milliseconds(1234, 'de'), '1,2 s'],
  [milliseconds(63_400, 'en'), '63 s'],
  [duration(null), '–'],
  [duration(59_999), '59 s'],
  [duration(185_000), '3 min 5 s'],
  [duration(7_800_000), '2 h 10 min'],
  [duration(1_051_200_000), '12 d 4 h'],
])('a figure reads %s', (text, expected) => {
  expect(text).toBe(expected);
});

test('a time has its day when it was not today', () => {
  const now = new Date(2026, 10, 22, 9, 5, 7).getTime();
  expect(dayAndTime(now, now)).toBe('09:05:07');
  expect(dayAndTime(now - 86_400_000, now)).toBe('2026-11-21 09:05:07');
});
