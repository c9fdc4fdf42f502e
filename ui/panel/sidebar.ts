/**
 * The panel in the editor: one element, with the editor's own login and language. The tab itself is registered by nodes/panel/panel.html.
 */
import { BulkheadPanel } from './panel.ts';

/** What of the editor is used. It is the same in Node-RED 4.1 and 5. */
type Editor = {
  readonly settings: {
    readonly get: (key: 'auth-tokens') => { readonly access_token?: string } | null | undefined;
    readonly apiRootUrl?: string;
  };
  readonly i18n: { readonly lang: () => string };
};

export function createPanel(RED: Editor): HTMLElement {
  const panel = new BulkheadPanel();
  const base = new URL(`${RED.settings.apiRootUrl ?? ''}bulkhead/`, document.baseURI);
  panel.open({
    fetch: (path, init = {}) => {
      const headers = new Headers(init.headers);
      const token = RED.settings.get('auth-tokens')?.access_token;
      if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
      return fetch(new URL(path, base), { ...init, headers });
    },
    languages: [RED.i18n.lang(), ...navigator.languages],
    onRefused: () => {},
  });
  return panel;
}
