/**
 * One camera as a card: its state and why, what it sends, where to watch, its daemons, and the buttons for all of them.
 */
import type { Channel, Daemon, Stream } from './api.ts';
import type { Wish } from './consequences.ts';
import { DaemonRow, type RowContext } from './daemon-row.ts';
import { button, element, Keyed, setAttribute, setChildren, setHidden, setText } from './dom.ts';
import { bytes, percent } from './format.ts';
import type { Texts } from './texts.ts';

const CODECS: Readonly<Record<string, string>> = { h264: 'H.264', h265: 'H.265', aac: 'AAC' };

/** `H.264 · 1280 × 720 · 25 fps · AAC`. */
export function pictureText({ media }: Pick<Channel, 'media'>): string {
  if (!media?.codec) return '';
  const { codec, width, height, fps, audio } = media;
  return [
    CODECS[codec] ?? codec,
    width !== null && height !== null ? `${width} × ${height}` : '',
    fps !== null && fps > 0 ? `${Math.round(fps * 10) / 10} fps` : '',
    audio ? (CODECS[audio.codec] ?? audio.codec) : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** Why it is not live, in words; nothing when it is. */
export function reasonText(channel: Channel, texts: Texts): string {
  if (channel.state === 'live') return '';
  if (channel.daemons.length === 0) return texts.reason.unwired;
  return channel.problem ?? texts.reason[channel.state];
}

function sum(daemons: readonly Daemon[], of: (daemon: Daemon) => number | null): number {
  return daemons.reduce((total, daemon) => total + (of(daemon) ?? 0), 0);
}

export class ChannelCard {
  readonly root: HTMLLIElement;
  readonly #texts: Texts;
  readonly #number = element('span', { class: 'number', 'aria-hidden': 'true' });
  readonly #name = element('h3');
  readonly #state = element('span', { class: 'pill' });
  readonly #reason = element('p', { class: 'reason' });
  readonly #picture = element('span');
  readonly #viewers = element('span');
  readonly #links = element('div', { class: 'links' });
  readonly #streams: Keyed<Stream, StreamLink>;
  readonly #processes = element('summary');
  readonly #daemons: Keyed<Daemon, DaemonRow>;
  readonly #preview: Preview;
  readonly #restart: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #start: HTMLButtonElement;
  #channel: Channel;

  constructor(channel: Channel, open: boolean, context: RowContext) {
    const { texts, onWish } = context;
    this.#channel = channel;
    this.#texts = texts;
    const wish = (command: Wish['command']) => () => onWish({ command, channel: this.#channel, daemon: null });
    this.#restart = button({ class: 'action' }, wish('restart'), texts.restart);
    this.#stop = button({ class: 'action' }, wish('stop'), texts.stop);
    this.#start = button({ class: 'action primary' }, wish('start'), texts.start);
    this.#streams = new Keyed(
      this.#links,
      ({ daemon }) => daemon,
      (stream) => new StreamLink(stream, texts),
    );
    const daemons = element('ul', { class: 'daemons' });
    this.#daemons = new Keyed(
      daemons,
      ({ id }) => id,
      (daemon) => new DaemonRow(daemon, () => this.#channel, context),
    );
    this.#preview = new Preview(texts);
    this.root = element(
      'li',
      { class: 'channel', 'data-channel': channel.id },
      element('header', {}, this.#number, this.#name, this.#state),
      this.#reason,
      element('p', { class: 'quiet figures' }, this.#picture, this.#viewers),
      element(
        'div',
        { class: 'bar' },
        this.#links,
        this.#preview.toggle,
        element('span', { class: 'spring' }),
        element('div', { class: 'actions' }, this.#restart, this.#stop, this.#start),
      ),
      this.#preview.frame,
      element('details', { open }, this.#processes, daemons),
    );
  }

  show(channel: Channel): void {
    this.#channel = channel;
    const texts = this.#texts;
    setAttribute(this.root, 'data-state', channel.state);
    setText(this.#number, channel.number === null ? '' : String(channel.number));
    setText(this.#name, channel.name);
    setText(this.#state, texts.state[channel.state]);
    setText(this.#reason, reasonText(channel, texts));
    setText(this.#picture, pictureText(channel));
    setText(this.#viewers, channel.streams.length === 0 ? '' : texts.viewers(channel.viewers));
    this.#streams.show(channel.streams);
    this.#preview.show(channel);

    const { daemons } = channel;
    const memory = bytes(
      sum(daemons, ({ privateBytes }) => privateBytes),
      texts.language,
    );
    const cpu = percent(
      sum(daemons, ({ cpuPercent }) => cpuPercent),
      texts.language,
    );
    setText(this.#processes, `${texts.processes(daemons.length)} · ${memory} · ${cpu} CPU`);
    this.#daemons.show(daemons);

    const off = channel.state === 'stopped';
    const some = daemons.length > 0;
    setHidden(this.#restart, off || !some);
    setHidden(this.#stop, off || !some);
    // One of them may be stopped while the rest works.
    setHidden(this.#start, !some || !daemons.some(({ stopped, state }) => stopped || state === 'stopped'));
    for (const [control, action] of [
      [this.#restart, texts.restart],
      [this.#stop, texts.stop],
      [this.#start, texts.start],
    ] as const) {
      setAttribute(control, 'aria-label', texts.of(action, channel.name));
    }
  }
}

/** Where to watch. */
class StreamLink {
  readonly root: HTMLAnchorElement;
  readonly #texts: Texts;
  readonly #port = element('span', { class: 'quiet' });

  constructor(stream: Stream, texts: Texts) {
    this.#texts = texts;
    this.root = element(
      'a',
      { class: 'action', target: '_blank', rel: 'noopener', href: stream.url },
      `${texts.watch} `,
      this.#port,
    );
  }

  show(stream: Stream): void {
    setAttribute(this.root, 'href', stream.url);
    setText(this.#port, `:${stream.port} ↗`);
    setAttribute(this.root, 'aria-label', `${this.#texts.watchOn(stream.port)} (${this.#texts.opensInTab})`);
  }
}

/** The player in a frame, only while somebody wants it: each is a viewer. */
class Preview {
  readonly toggle: HTMLButtonElement;
  readonly frame = element('div', { class: 'preview', hidden: true });
  readonly #texts: Texts;
  #channel: Channel | undefined;

  constructor(texts: Texts) {
    this.#texts = texts;
    this.toggle = button(
      { class: 'action', 'aria-expanded': 'false' },
      () => this.#set(this.frame.hidden !== false),
      texts.preview,
    );
  }

  show(channel: Channel): void {
    this.#channel = channel;
    const possible = channel.streams.length > 0;
    setHidden(this.toggle, !possible);
    if (!possible) this.#set(false);
  }

  #set(open: boolean): void {
    const url = this.#channel?.streams[0]?.url;
    if (open === !this.frame.hidden || (open && url === undefined)) return;
    const name = this.#channel?.name ?? '';
    // A page that is shown in a frame of another origin gets nothing of ours.
    const player = element('iframe', {
      src: url ?? '',
      title: this.#texts.previewOf(name),
      allow: 'autoplay; fullscreen',
      referrerpolicy: 'no-referrer',
      sandbox: 'allow-scripts allow-same-origin',
    });
    setChildren(this.frame, open ? [player] : []);
    setHidden(this.frame, !open);
    setAttribute(this.toggle, 'aria-expanded', String(open));
    setText(this.toggle, open ? this.#texts.closePreview : this.#texts.preview);
  }
}
