import { readFileSync } from 'node:fs';
import { html, LANGUAGES, NODES, nodeFile, textKeys } from './editor-file.ts';

const cases = NODES.flatMap((node) => LANGUAGES.map((language) => [node, language] as const));

/** Keys that a dialog builds at run time, by what they begin with. */
const BUILT = { device: [], camera: ['camera.label.'], stream: [], events: ['events.type.'], control: [] } as const;

function usedKeys(node: string): string[] {
  const source = html(node);
  const attributes = [...source.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g)].map((match) => match[1] ?? '');
  const script = [...source.matchAll(/['"]((?:device|camera|stream|events|control)\.\w+\.\w+)['"]/g)].map(
    (match) => match[1] ?? '',
  );
  return [...new Set([...attributes, ...script])].filter((key) => key.startsWith(`${node}.`));
}

test.each(cases)('every text that the dialog of %s shows exists in %s', (node, language) => {
  const keys = textKeys(node, language);
  const used = usedKeys(node);
  expect(used.length).toBeGreaterThan(3);
  expect(used.filter((key) => !keys.includes(key))).toEqual([]);
});

test.each(NODES)('the texts of %s are the same in every language, none left over', (node) => {
  const [first, ...rest] = LANGUAGES.map((language) => textKeys(node, language).toSorted());
  for (const keys of rest) expect(keys).toEqual(first);
  const used = usedKeys(node);
  const leftOver = (first ?? []).filter(
    (key) => !used.includes(key) && !BUILT[node].some((prefix) => key.startsWith(prefix)),
  );
  expect(leftOver).toEqual([]);
});

test.each(NODES)('the placeholders in the texts of %s are the same in every language', (node) => {
  const placeholders = LANGUAGES.map((language) => {
    const text = readFileSync(nodeFile(node, 'locales', language, `${node}.json`), 'utf8');
    return [...text.matchAll(/__\w+__/g)].map((match) => match[0]).toSorted();
  });
  expect(placeholders[1]).toEqual(placeholders[0]);
});

test.each(cases)('%s has help in %s, with the sections that its ports ask for', (node, language) => {
  const help = readFileSync(nodeFile(node, 'locales', language, `${node}.html`), 'utf8');
  expect(help).toContain(`data-help-name="bulkhead-${node}"`);
  const words = { 'en-US': ['Inputs', 'Outputs'], de: ['Eingänge', 'Ausgänge'] }[language];
  expect(help.includes(`<h3>${words[0]}</h3>`)).toBe(node === 'stream' || node === 'control');
  expect(help.includes(`<h3>${words[1]}</h3>`)).toBe(node === 'camera' || node === 'events' || node === 'control');
});
