import * as fc from 'fast-check';
import { dialString, parseAddress, secretForms } from '../../daemon/capture/address.ts';
import { scrub } from '../../daemon/capture/scrub.ts';
import { Secret } from '../../runtime/secret.ts';

test('user information of any URL in a text is taken out, the rest stays', () => {
  expect(scrub('open rtsp://admin:p@ss@10.0.0.5:554/main failed, tcp://10.0.0.5 refused', [])).toBe(
    'open rtsp://[secret]@10.0.0.5:554/main failed, tcp://10.0.0.5 refused',
  );
});

test('a password is found wherever it stands, plain or encoded, whatever it is', () => {
  const password = fc
    .string({ unit: 'grapheme', minLength: 6, maxLength: 20 })
    .filter((s) => !/[[\]\s]|secret/.test(s));
  fc.assert(
    fc.property(password, (word) => {
      const address = parseAddress('rtsp://camera/x', ['rtsp'], { username: 'u', password: new Secret(word) });
      fc.pre(encodeURIComponent(`u:${word}`).length < 120);
      const text = `cannot open ${dialString(address)} nor ${word} nor ${encodeURIComponent(word)}`;
      const clean = scrub(text, secretForms(address));
      expect(clean).not.toContain(word);
      expect(clean).not.toContain(encodeURIComponent(word));
    }),
  );
});
