/** The dialogs against the schemas: defaults and limits are written in runtime/config.ts, and the html repeats them. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import {
  cameraSettings,
  controlSettings,
  deviceSettings,
  eventsSettings,
  streamSettings,
} from '../../runtime/config.ts';
import { definition, html, NODES, nodeFile, validate } from './editor-file.ts';

const SCHEMAS = {
  device: deviceSettings,
  camera: cameraSettings,
  stream: streamSettings,
  events: eventsSettings,
  control: controlSettings,
};
/** In the contract and not available yet. */
const NOT_OFFERED = ['usb', 'onvif'];

type Property = { default?: unknown; enum?: readonly string[]; minimum?: number; maximum?: number };
/** What of a schema the library lets one look at. */
type Field = { wrapped?: Field; options?: readonly string[]; pipe?: readonly { type: string; requirement?: number }[] };

function property(schema: Field): Omit<Property, 'default'> {
  const { options, pipe = [] } = schema.wrapped ?? schema;
  const limit = (type: string): number | undefined => pipe.find((action) => action.type === type)?.requirement;
  const [minimum, maximum] = [limit('min_value'), limit('max_value')];
  return {
    ...(options && pipe.length === 0 && { enum: options }),
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
  };
}

function properties(node: (typeof NODES)[number]): Record<string, Property> {
  const defaults: Record<string, unknown> = v.getDefaults(SCHEMAS[node]);
  const fields = Object.entries(SCHEMAS[node].entries as unknown as Record<string, Field>);
  return Object.fromEntries(fields.map(([name, field]) => [name, { ...property(field), default: defaults[name] }]));
}

describe.each(NODES)('the dialog of %s', (node) => {
  test('has the properties of the schema, with its defaults', () => {
    const { defaults } = definition(node).definition;
    expect(Object.keys(defaults).toSorted()).toEqual(Object.keys(properties(node)).toSorted());
    for (const [name, { default: value }] of Object.entries(properties(node))) {
      // A property without a default is one that a person must enter.
      expect([name, JSON.stringify(defaults[name]?.value)]).toEqual([name, JSON.stringify(value ?? '')]);
    }
  });

  test('has the limits of the schema on every number', () => {
    for (const [name, { default: value, minimum = NaN, maximum = NaN }] of Object.entries(properties(node))) {
      if (typeof value !== 'number') continue;
      const input = new RegExp(`<input[^>]*id="node-input-${name}"[^>]*>`).exec(html(node))?.[0] ?? '';
      expect(input).toContain(`min="${minimum}"`);
      expect(input).toContain(`max="${maximum}"`);
      expect(validate(node, name, String(minimum))).toBe(true);
      expect(validate(node, name, String(maximum), { number: 1 })).toBe(true);
      expect(validate(node, name, String(minimum - 1))).toEqual(expect.any(String));
      expect(validate(node, name, String(maximum + 1))).toEqual(expect.any(String));
      expect(validate(node, name, '1.5')).toEqual(expect.any(String));
    }
  });

  test('offers the choices of the schema', () => {
    for (const [name, { enum: choices }] of Object.entries(properties(node))) {
      if (!choices) continue;
      const select = new RegExp(`<select[^>]*id="node-(?:config-)?input-${name}"[\\s\\S]*?</select>`).exec(html(node));
      const offered = [...(select?.[0] ?? '').matchAll(/<option value="([^"]*)"/g)].map((match) => match[1]);
      expect(offered).toEqual(choices.filter((choice) => !NOT_OFFERED.includes(choice)));
    }
  });

  test('has validators whose sentences are shown: those with one parameter may only say true or false', () => {
    for (const { validate: check } of Object.values(definition(node).definition.defaults)) {
      expect(check === undefined || check.length === 2).toBe(true);
    }
  });

  test('keeps passwords in the credentials and nowhere else', () => {
    const { defaults, credentials = {} } = definition(node).definition;
    expect(Object.keys(defaults).filter((name) => /pass|secret|user/i.test(name))).toEqual([]);
    for (const name of Object.keys(credentials)) {
      expect(html(node)).toMatch(new RegExp(`id="node-(config-)?input-${name}"`));
    }
  });

  test('is registered literally, so that the flow library can read it', () => {
    expect(html(node)).toMatch(new RegExp(`RED\\.nodes\\.registerType\\('bulkhead-${node}', \\{\\s+category: '`));
    expect(definition(node).type).toBe(`bulkhead-${node}`);
  });

  test('takes its colours from the editor, light or dark', () => {
    const styles = [...html(node).matchAll(/<style>([\s\S]*?)<\/style>|style="([^"]*)"/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    for (const style of styles) {
      expect(style).not.toMatch(/:[^;{}]*(#[0-9a-f]{3,8}\b|rgba?\(|hsla?\()/i);
      for (const [, variable] of style.matchAll(/var\((--[a-z-]+)/g)) expect(variable).toMatch(/^--red-ui-/);
    }
  });
});

test.each(NODES)('the icon of %s is white and two by three', (node) => {
  const icon = readFileSync(nodeFile(node, 'icons', `bulkhead-${node}.svg`), 'utf8');
  expect(icon).toContain('viewBox="0 0 40 60"');
  for (const [, colour] of icon.matchAll(/(?:fill|stroke)="([^"]+)"/g)) expect(['#fff', 'none']).toContain(colour);
});

describe('a camera', () => {
  test('needs a channel of its own', () => {
    const others = [{ id: 'other', type: 'bulkhead-camera', channel: 'front', name: 'Front door' }];
    expect(validate('camera', 'channel', 'yard', {}, others)).toBe(true);
    expect(validate('camera', 'channel', 'front', {}, others)).toBe('camera.invalid.taken');
    expect(validate('camera', 'channel', 'front', { id: 'other' }, others)).toBe(true);
    expect(validate('camera', 'channel', '')).toBe('camera.invalid.noChannel');
    expect(validate('camera', 'channel', 'Front Door')).toBe('camera.invalid.channel');
  });

  test.each([
    ['', {}, 'camera.invalid.noUrl'],
    ['', { device: 'd1' }, true],
    ['', { source: 'test' }, true],
    ['', { source: 'file' }, 'camera.invalid.noFile'],
    ['/srv/yard.mp4', { source: 'file' }, true],
    ['/stream1', {}, 'camera.invalid.url'],
    ['/stream1', { device: 'd1' }, true],
    ['rtsp://10.0.0.1/x', {}, true],
    ['RTSPS://10.0.0.1/x', {}, true],
    ['http://10.0.0.1/x', {}, 'camera.invalid.scheme'],
    ['http://10.0.0.1/x', { source: 'http' }, true],
  ])('with the URL "%s" on %j is %s', (url, change, said) => {
    expect(validate('camera', 'url', url, { source: 'rtsp', url: '', device: '', ...change })).toBe(said);
  });
});

describe('a stream', () => {
  const others = [{ id: 'other', type: 'bulkhead-stream', number: 1, port: 0, name: 'Front door' }];

  test('needs a number and a port of its own', () => {
    expect(validate('stream', 'number', '1', {}, others)).toBe('stream.invalid.numberTaken');
    expect(validate('stream', 'number', '2', {}, others)).toBe(true);
    expect(validate('stream', 'port', '8101', { number: 2 }, others)).toBe('stream.invalid.portTaken');
    expect(validate('stream', 'port', '0', { number: 2 }, others)).toBe(true);
  });
});
