/**
 * `<bulkhead-panel>`: the cameras, live, with their daemons, what happened, and the buttons. The panel's page and the editor's sidebar tab both are this
 * element; whoever puts it in gives it a way to fetch.
 *
 * It asks only while somebody can see it. Does not belong here: who is logged in (session.ts), where it is put (page.ts, sidebar.ts).
 */
import { giveCommand, Refusal, type Channel, type Fetch } from './api.ts';
import { ChannelCard } from './channel-card.ts';
import { Confirm } from './confirm.ts';
import { nameOf, type Wish } from './consequences.ts';
import { element, Keyed, setAttribute, setHidden, setText } from './dom.ts';
import { EventList } from './event-list.ts';
import { Feed, type Picture } from './feed.ts';
import { clockTime } from './format.ts';
import { outcomeOf, pendingOf, type Pending } from './progress.ts';
import { textsFor, type Texts } from './texts.ts';

/** In less room than this the daemons are folded away at first. */
const ROOMY_PX = 640;
/** So long a sentence about what was done stays. */
const NOTE_MS = 6000;

export type PanelOptions = {
  readonly fetch: Fetch;
  readonly languages: readonly string[];
  /** Whoever looks must log in. */
  readonly onRefused: () => void;
  /** Called with every picture: the page shows whether buttons are for this login. */
  readonly onPicture?: (picture: Picture) => void;
};

export class BulkheadPanel extends HTMLElement {
  readonly #root = this.attachShadow({ mode: 'open' });
  #view: View | undefined;
  readonly #onVisibility = (): void => this.#follow();
  readonly #sight = new IntersectionObserver((entries) => {
    this.#inSight = entries.at(-1)?.isIntersecting ?? false;
    this.#follow();
  });
  #inSight = true;
  #asking = false;

  /** Gives it what it needs; it begins as soon as it is in a page. */
  open(options: PanelOptions): void {
    this.#view?.feed.stop();
    this.#asking = false;
    this.#view = new View(options, () => this.clientWidth >= ROOMY_PX);
    const sheet = element('link', { rel: 'stylesheet', href: new URL('panel.css', import.meta.url).href });
    const { root } = this.#view;
    // Without its colours it would flash.
    root.hidden = true;
    for (const done of ['load', 'error']) sheet.addEventListener(done, () => setHidden(root, false));
    this.#root.replaceChildren(sheet, root);
    this.#follow();
  }

  /** Somebody has logged in, or out: asks anew. */
  renew(): void {
    this.#view?.feed.reset();
    this.#asking = false;
    this.#follow();
  }

  connectedCallback(): void {
    this.#sight.observe(this);
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#follow();
  }

  disconnectedCallback(): void {
    this.#sight.disconnect();
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#follow();
    this.#inSight = true;
  }

  #follow(): void {
    const wanted = this.isConnected && this.#inSight && !document.hidden && this.#view !== undefined;
    if (wanted === this.#asking) return;
    this.#asking = wanted;
    if (wanted) this.#view?.feed.start();
    else this.#view?.feed.stop();
  }
}

/** What is inside, for one way to fetch. */
class View {
  readonly root = element('div', { class: 'panel' });
  readonly feed: Feed;
  readonly #options: PanelOptions;
  readonly #texts: Texts;
  readonly #summary = element('p', { class: 'summary' });
  readonly #connection = element('p', { class: 'connection', role: 'status' });
  readonly #warning = element('p', { class: 'warning', role: 'alert', hidden: true });
  readonly #readOnly: HTMLElement;
  readonly #note = element('p', { class: 'note', role: 'status', hidden: true });
  readonly #spoken = element('p', { class: 'spoken', role: 'status' });
  readonly #empty: HTMLElement;
  readonly #cards: Keyed<Channel, ChannelCard>;
  readonly #events: EventList;
  readonly #confirm: Confirm;
  #pending: Pending[] = [];
  #states = new Map<string, string>();
  #noteEnds: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PanelOptions, isRoomy: () => boolean) {
    this.#options = options;
    const texts = textsFor(options.languages);
    this.#texts = texts;
    this.root.lang = texts.language;
    this.feed = new Feed(options.fetch, (picture) => this.#show(picture));
    this.#confirm = new Confirm(texts);
    this.#events = new EventList(texts);
    this.#empty = element('p', { class: 'empty', hidden: true }, texts.empty);
    this.#readOnly = element('p', { class: 'quiet', hidden: true }, texts.readOnly);
    const list = element('ul', { class: 'channels', 'aria-label': texts.title });
    const onWish = (wish: Wish): void => void this.#carryOut(wish);
    this.#cards = new Keyed(
      list,
      ({ id }) => id,
      (channel) => new ChannelCard(channel, isRoomy(), { texts, onWish }),
    );
    this.root.append(
      element('header', { class: 'top' }, this.#summary, this.#connection),
      this.#warning,
      this.#note,
      this.#readOnly,
      element('div', { class: 'columns' }, element('div', {}, this.#empty, list), this.#events.root),
      this.#spoken,
      this.#confirm.root,
    );
  }

  #show(picture: Picture): void {
    const texts = this.#texts;
    const { connection, channels, events, dataAtMs } = picture;
    setAttribute(this.root, 'data-connection', connection);
    setAttribute(this.root, 'data-may-write', String(picture.mayWrite));
    setText(this.#connection, texts.connection[connection]);
    const known = dataAtMs !== null;
    setText(
      this.#summary,
      known ? texts.summary(channels.filter(({ state }) => state === 'live').length, channels.length) : '',
    );
    setText(this.#warning, this.#warningOf(picture));
    setHidden(this.#warning, this.#warning.textContent === '');
    setHidden(this.#empty, !(known && channels.length === 0));
    setHidden(this.#readOnly, !(connection === 'live' && !picture.mayWrite));
    this.#cards.show(channels);
    this.#events.show(channels, events);
    if (connection === 'live') {
      this.#speak(channels);
      this.#settle(channels);
    }
    this.#options.onPicture?.(picture);
    if (connection === 'refused') this.#options.onRefused();
  }

  #warningOf({ connection, dataAtMs }: Picture): string {
    if (connection === 'refused') return this.#texts.logInToEditor;
    if (connection !== 'lost') return '';
    return dataAtMs === null ? this.#texts.neverConnected : this.#texts.stale(clockTime(dataAtMs));
  }

  /** Tells those who do not see it which camera's state is another one. */
  #speak(channels: readonly Channel[]): void {
    const texts = this.#texts;
    const changed = channels.filter(({ id, state }) => this.#states.has(id) && this.#states.get(id) !== state);
    this.#states = new Map(channels.map(({ id, state }) => [id, state]));
    if (changed.length === 0) return;
    setText(this.#spoken, changed.map(({ name, state }) => texts.nowIs(name, texts.state[state])).join('. '));
  }

  async #carryOut(wish: Wish): Promise<void> {
    const texts = this.#texts;
    // To start something harms nothing; everything else is asked first.
    const mode = wish.command === 'start' ? 'soft' : await this.#confirm.ask(wish);
    if (mode === null) return;
    const what = nameOf(wish, texts);
    try {
      const answer = await giveCommand(this.#options.fetch, wish.channel.id, wish.command, {
        ...(wish.daemon !== null && { daemon: wish.daemon.id }),
        ...(wish.command === 'restart' && { mode }),
      });
      this.#pending.push(pendingOf(wish, answer, texts));
      this.#say(texts.progress[wish.command](what));
    } catch (error) {
      const why = error instanceof Refusal ? error.message : texts.connection.lost;
      this.#say(texts.progress.failed(what, why), true);
    }
    this.feed.start();
  }

  /** Says of what was asked for that it has come about. */
  #settle(channels: readonly Channel[]): void {
    this.#pending = this.#pending.filter((pending) => {
      const outcome = outcomeOf(pending, channels, this.#texts);
      if (outcome !== null) this.#say(outcome);
      return outcome === null;
    });
  }

  #say(text: string, failed = false): void {
    clearTimeout(this.#noteEnds);
    setText(this.#note, text);
    setAttribute(this.#note, 'data-tone', failed ? 'bad' : 'good');
    setHidden(this.#note, false);
    if (!failed) this.#noteEnds = setTimeout(() => setHidden(this.#note, true), NOTE_MS);
  }
}

// A page that loads this twice, as an editor may, has one element.
if (!customElements.get('bulkhead-panel')) customElements.define('bulkhead-panel', BulkheadPanel);
