/**
 * Who is logged in on the panel's own page: a token of Node-RED's, from its login (POST /auth/token, RFC 6749 4.3) or from the editor in the same browser.
 *
 * A token of ours is kept for this tab only; none is ever part of an address. Does not belong here: what the page looks like.
 */
const KEY = 'bulkhead-token';
const CLIENT = 'node-red-admin';

export type LoginResult = 'in' | 'wrong' | 'tooOften' | 'unreachable';
/** How this server logs people in. */
export type LoginKind = 'password' | 'elsewhere' | 'none';

export class Session {
  /** Where Node-RED's administration is, with a slash at its end. */
  readonly #admin: URL;

  constructor(admin: URL) {
    this.#admin = admin;
  }

  get token(): string | null {
    return sessionStorage.getItem(KEY) ?? this.#editorToken();
  }

  /** Fetches a path below the panel's folder as whoever is logged in. */
  fetch(url: URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const { token } = this;
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  }

  async loginKind(): Promise<LoginKind> {
    const answer = await fetch(new URL('auth/login', this.#admin));
    const { type } = (await answer.json()) as { type?: string };
    if (type === undefined) return 'none';
    return type === 'credentials' ? 'password' : 'elsewhere';
  }

  async logIn(username: string, password: string): Promise<LoginResult> {
    // The scope is left to Node-RED: what this user may.
    const form = new URLSearchParams({ client_id: CLIENT, grant_type: 'password', scope: '', username, password });
    try {
      const answer = await fetch(new URL('auth/token', this.#admin), { method: 'POST', body: form });
      if (!answer.ok) return answer.status >= 500 ? 'tooOften' : 'wrong';
      const { access_token: token } = (await answer.json()) as { access_token: string };
      sessionStorage.setItem(KEY, token);
      return 'in';
    } catch {
      return 'unreachable';
    }
  }

  /** Ends the session, the editor's as well when it was that: there is only one then. */
  async logOut(): Promise<void> {
    const { token } = this;
    if (token === this.#editorToken()) localStorage.removeItem(this.#editorKey());
    sessionStorage.removeItem(KEY);
    if (token === null) return;
    await fetch(new URL('auth/revoke', this.#admin), {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: new URLSearchParams({ token }),
    }).catch(() => {
      // It is forgotten here; there it ends by itself.
    });
  }

  /** A login that the server does not take any more. */
  forget(): void {
    sessionStorage.removeItem(KEY);
  }

  /** As Node-RED's editor names it: by the path that it is served under. */
  #editorKey(): string {
    return `auth-tokens${this.#admin.pathname.slice(0, -1).replaceAll('/', '-')}`;
  }

  #editorToken(): string | null {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#editorKey()) ?? 'null') as { access_token?: unknown } | null;
      return typeof kept?.access_token === 'string' ? kept.access_token : null;
    } catch {
      return null;
    }
  }
}
