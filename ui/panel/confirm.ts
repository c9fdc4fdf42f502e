/**
 * The question before a restart or a stop: what will be touched, what will not, and for a restart how. A modal dialog of the browser's own: it keeps the focus,
 * closes with Escape, and gives the focus back to where it was.
 */
import { consequencesOf, nameOf, type Wish } from './consequences.ts';
import { button, element, setText } from './dom.ts';
import type { Texts } from './texts.ts';

export type Mode = 'soft' | 'hard';
const MODES: readonly Mode[] = ['soft', 'hard'];

function fill(list: HTMLElement, lines: readonly string[]): void {
  list.replaceChildren(...lines.map((line) => element('li', {}, line)));
}

export class Confirm {
  readonly root = element('dialog', { 'aria-labelledby': 'question', 'aria-describedby': 'consequences' });
  readonly #texts: Texts;
  #settle: (mode: Mode | null) => void = () => {};

  constructor(texts: Texts) {
    this.#texts = texts;
    this.root.addEventListener('close', () => {
      this.#settle(null);
      this.root.replaceChildren();
    });
    // A press beside the dialog is on the dialog itself: its content fills it.
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close();
    });
  }

  /** Resolves with how, or null when it was called off, or another question is open. */
  async ask(wish: Wish): Promise<Mode | null> {
    if (this.root.open) return null;
    return await new Promise((resolve) => this.#open(wish, resolve));
  }

  #open(wish: Wish, resolve: (mode: Mode | null) => void): void {
    const texts = this.#texts;
    this.#settle = resolve;

    let mode: Mode = 'soft';
    const touched = element('ul', { class: 'touched' });
    const untouched = element('ul', { class: 'untouched' });
    const describe = (): void => {
      const consequences = consequencesOf(wish, mode, texts);
      fill(touched, consequences.touched);
      fill(untouched, consequences.untouched);
    };
    describe();

    const question = element('h2', { id: 'question' });
    setText(
      question,
      wish.command === 'stop' ? texts.ask.stop(nameOf(wish, texts)) : texts.ask.restart(nameOf(wish, texts)),
    );
    const how = MODES.map((value) => {
      const radio = element('input', { type: 'radio', name: 'mode', value, checked: value === mode });
      radio.addEventListener('change', () => {
        mode = value;
        describe();
      });
      return element('label', {}, radio, texts[value]);
    });
    const cancel = button({ class: 'action', autofocus: true }, () => this.root.close(), texts.cancel);
    const confirm = button(
      { class: 'action primary', value: 'confirm' },
      () => {
        resolve(mode);
        this.root.close();
      },
      texts[wish.command],
    );
    this.root.replaceChildren(
      element(
        'div',
        { class: 'ask' },
        question,
        ...(wish.command === 'restart'
          ? [element('div', { class: 'modes', role: 'radiogroup', 'aria-labelledby': 'question' }, ...how)]
          : []),
        element(
          'div',
          { id: 'consequences', 'aria-live': 'polite' },
          element('h3', {}, texts.touched),
          touched,
          element('h3', {}, texts.untouched),
          untouched,
        ),
        element('div', { class: 'actions' }, cancel, confirm),
      ),
    );
    this.root.showModal();
  }
}
