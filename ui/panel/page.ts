/**
 * The panel's own page at `/bulkhead/`: the panel, and around it logging in and out.
 */
import { element, setHidden, setText } from './dom.ts';
import { BulkheadPanel } from './panel.ts';
import { Session } from './session.ts';
import { textsFor } from './texts.ts';

const texts = textsFor(navigator.languages);
const here = new URL('.', location.href);
const session = new Session(new URL('..', here));

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const main = byId('main');
const logIn = byId('log-in');
const logOut = byId('log-out');
document.documentElement.lang = texts.language;
document.title = `Bulkhead: ${texts.title}`;
setText(byId('title'), texts.title);
setText(byId('editor'), texts.login.editor);
setText(logIn, texts.login.logIn);
setText(logOut, texts.login.logOut);

const panel = new BulkheadPanel();
panel.open({
  fetch: (path, init) => session.fetch(new URL(path, here), init),
  languages: navigator.languages,
  onRefused: () => {
    session.forget();
    void askToLogIn();
  },
  onPicture: ({ connection, channels, mayWrite }) => {
    if (connection !== 'live') {
      document.title = `${texts.connection[connection]} – Bulkhead`;
      return;
    }
    const live = channels.filter(({ state }) => state === 'live').length;
    document.title = `${texts.summary(live, channels.length)} – Bulkhead`;
    setHidden(logOut, session.token === null);
    // Where everybody may look, somebody may still want to do something.
    setHidden(logIn, session.token !== null || mayWrite);
  },
});

function showPanel(): void {
  if (panel.isConnected) panel.renew();
  else main.replaceChildren(panel);
}

async function askToLogIn(): Promise<void> {
  setHidden(logIn, true);
  setHidden(logOut, true);
  const kind = await session.loginKind().catch(() => 'password' as const);
  if (kind === 'none') return showPanel();
  main.replaceChildren(kind === 'elsewhere' ? element('p', { class: 'card' }, texts.login.elsewhere) : loginForm());
  main.querySelector('input')?.focus();
}

function loginForm(): HTMLElement {
  const { login } = texts;
  const user = element('input', { id: 'user', name: 'username', autocomplete: 'username', required: true });
  const password = element('input', {
    id: 'password',
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const problem = element('p', { class: 'problem', role: 'alert' });
  const submit = element('button', { class: 'primary' }, login.submit);
  const submitLogin = async (): Promise<void> => {
    submit.disabled = true;
    const result = await session.logIn(user.value, password.value);
    submit.disabled = false;
    if (result === 'in') return showPanel();
    setText(problem, login[result]);
    password.select();
  };
  const form = element(
    'form',
    { class: 'card' },
    element('h2', {}, login.heading),
    element('p', { class: 'quiet' }, login.hint),
    element('label', { for: 'user' }, login.user),
    user,
    element('label', { for: 'password' }, login.password),
    password,
    problem,
    submit,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submitLogin();
  });
  return form;
}

logIn.addEventListener('click', () => void askToLogIn());
logOut.addEventListener('click', () => {
  void session.logOut().then(showPanel);
});
showPanel();
