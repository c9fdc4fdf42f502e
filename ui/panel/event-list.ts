/**
 * What happened lately, newest first, of all cameras or of one.
 */
import type { Channel, HistoryEvent } from './api.ts';
import { element, Keyed, setChildren, setHidden } from './dom.ts';
import { dayAndTime, milliseconds } from './format.ts';
import { word, type Texts } from './texts.ts';

const SHOWN = 50;

/** How much somebody should care; colours go by it. */
function toneOf({ type, reason }: HistoryEvent): 'good' | 'bad' | 'busy' | 'off' {
  if (/\.(held|hung|starved|offline|gap|flood|leak|stalled|incident)$/.test(type)) return 'bad';
  if (type === 'daemon.exited') return reason === 'crash' || reason === 'hang' || reason === 'memory' ? 'bad' : 'off';
  if (/\.(respawned|online|adopted|ready)$/.test(type)) return 'good';
  return /\.(limited|blocked)$/.test(type) ? 'busy' : 'off';
}

/** How long it was away, where that is known: `back after 84 ms`. */
export function recoveryText({ detail }: HistoryEvent, texts: Texts): string {
  const recoveryMs = detail['recoveryMs'];
  if (typeof recoveryMs !== 'number') return '';
  return recoveryMs === 0 ? texts.withoutGap : texts.recovered(milliseconds(recoveryMs, texts.language));
}

class EventRow {
  readonly root: HTMLLIElement;

  constructor(event: HistoryEvent, nameOf: (channel: string) => string, texts: Texts) {
    const { time, type, channel, daemon, reason, detail } = event;
    const why = reason === null ? '' : word(texts.exit, reason);
    const message = typeof detail['message'] === 'string' ? detail['message'] : '';
    const rest = [why, recoveryText(event, texts), message].filter((part) => part !== '').join(' · ');
    this.root = element(
      'li',
      { 'data-tone': toneOf(event), 'data-type': type },
      element('time', { datetime: new Date(time).toISOString() }, dayAndTime(time, Date.now())),
      element(
        'span',
        { class: 'what' },
        ...(channel === '' ? [] : [element('strong', {}, nameOf(channel)), ' ']),
        `${word(texts.kind, daemon.kind)} `,
        element('span', { class: 'type', title: type }, word(texts.event, type)),
      ),
      element('span', { class: 'quiet' }, rest),
    );
  }

  /** What happened does not change. */
  show(): void {}
}

export class EventList {
  readonly root: HTMLElement;
  readonly #filter: HTMLSelectElement;
  readonly #nothing: HTMLElement;
  readonly #rows: Keyed<HistoryEvent, EventRow>;
  readonly #options = new Map<string, HTMLOptionElement>();
  readonly #all: HTMLOptionElement;
  #events: readonly HistoryEvent[] = [];
  #names = new Map<string, string>();

  constructor(texts: Texts) {
    this.#all = element('option', { value: '' }, texts.allChannels);
    this.#filter = element('select', { 'aria-label': texts.ofChannel }, this.#all);
    this.#filter.addEventListener('change', () => this.#list());
    this.#nothing = element('p', { class: 'quiet' }, texts.noEvents);
    const rows = element('ol', { class: 'events' });
    this.#rows = new Keyed(
      rows,
      ({ id }) => String(id),
      (event) => new EventRow(event, (channel) => this.#names.get(channel) ?? channel, texts),
    );
    this.root = element(
      'section',
      { class: 'history', 'aria-label': texts.events },
      element('header', {}, element('h2', {}, texts.events), this.#filter),
      this.#nothing,
      rows,
    );
  }

  show(channels: readonly Channel[], events: readonly HistoryEvent[]): void {
    this.#names = new Map(channels.map(({ id, name }) => [id, name]));
    this.#events = events;
    // Also those that are gone: what happened to them is still there.
    const ids = [...new Set([...channels.map(({ id }) => id), ...events.map(({ channel }) => channel)])]
      .filter((id) => id !== '')
      .toSorted();
    const options = ids.map((id) => {
      const known = this.#options.get(id) ?? element('option', { value: id });
      this.#options.set(id, known);
      const name = this.#names.get(id) ?? id;
      if (known.textContent !== name) known.textContent = name;
      return known;
    });
    setChildren(this.#filter, [this.#all, ...options]);
    this.#list();
  }

  #list(): void {
    const of = this.#filter.value;
    const chosen = this.#events.filter(({ channel }) => of === '' || channel === of).slice(0, SHOWN);
    setHidden(this.#nothing, chosen.length > 0);
    this.#rows.show(chosen);
  }
}
