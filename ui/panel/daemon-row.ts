/**
 * One daemon as a row: what it is, how it is, and the buttons for it.
 */
import type { Channel, Daemon } from './api.ts';
import { daemonName, type Wish } from './consequences.ts';
import { button, element, setAttribute, setHidden, setText } from './dom.ts';
import { bytes, count, dayAndTime, duration, milliseconds, percent } from './format.ts';
import { word, type Texts } from './texts.ts';

/** How good a state is; colours go by it. */
const TONE: Readonly<Record<Daemon['state'], 'good' | 'busy' | 'bad' | 'off'>> = {
  stopped: 'off',
  spawning: 'busy',
  initialising: 'busy',
  ready: 'good',
  degraded: 'busy',
  draining: 'busy',
  stopping: 'busy',
  killing: 'busy',
  backoff: 'bad',
  held: 'bad',
  failed: 'bad',
};

type FactName = keyof Texts['fact'];
const FACTS: readonly FactName[] = ['pid', 'generation', 'memory', 'cpu', 'restarts', 'viewers', 'lag', 'laps'];

export type RowContext = { readonly texts: Texts; readonly onWish: (wish: Wish) => void };

/** What to show of a daemon; null = not worth a place. */
function factsOf(daemon: Daemon, language: string): Record<FactName, string | null> {
  return {
    pid: count(daemon.pid),
    generation: count(daemon.generation),
    memory: bytes(daemon.privateBytes, language),
    cpu: percent(daemon.cpuPercent, language),
    restarts: count(daemon.restarts),
    viewers: daemon.kind === 'stream' ? count(daemon.viewers) : null,
    lag: milliseconds(daemon.loopLagMs, language),
    laps: daemon.laps === null || daemon.laps === 0 ? null : count(daemon.laps),
  };
}

/** Why it ended, and how: `crash (SIGKILL)`. */
export function exitText(daemon: Daemon, texts: Texts, nowMs: number): string {
  const { lastExit } = daemon;
  if (lastExit === null) return '';
  const how = lastExit.signal ?? (lastExit.code === null || lastExit.code === 0 ? '' : texts.exitCode(lastExit.code));
  return texts.lastExit(dayAndTime(lastExit.time, nowMs), word(texts.exit, lastExit.reason), how);
}

/** What is wrong with it now, in its own words. */
function troubleOf(daemon: Daemon): string {
  if (daemon.degraded !== null) return daemon.degraded;
  return TONE[daemon.state] === 'bad' ? (daemon.lastError?.message ?? '') : '';
}

export class DaemonRow {
  readonly root: HTMLLIElement;
  readonly #texts: Texts;
  readonly #channel: () => Channel;
  readonly #name: HTMLElement;
  readonly #state = element('span', { class: 'daemon-state', 'data-fact': 'state' });
  readonly #uptime = element('span', { class: 'quiet uptime', 'data-fact': 'uptime' });
  readonly #facts = new Map<FactName, { readonly box: HTMLElement; readonly value: HTMLElement }>();
  readonly #exit = element('p', { class: 'quiet', 'data-fact': 'exit' });
  readonly #trouble = element('p', { class: 'trouble' });
  readonly #restart: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #start: HTMLButtonElement;
  #daemon: Daemon;

  constructor(daemon: Daemon, channel: () => Channel, { texts, onWish }: RowContext) {
    this.#daemon = daemon;
    this.#channel = channel;
    this.#texts = texts;
    this.#name = element('h4', { title: word(texts.kindDoes, daemon.kind) });
    const wish = (command: Wish['command']) => () => onWish({ command, channel: channel(), daemon: this.#daemon });
    this.#restart = button({ class: 'action' }, wish('restart'), texts.restart);
    this.#stop = button({ class: 'action' }, wish('stop'), texts.stop);
    this.#start = button({ class: 'action primary' }, wish('start'), texts.start);
    const list = element('dl');
    for (const name of FACTS) {
      const value = element('dd', { 'data-fact': name });
      const box = element('div', { title: texts.factMeans[name] }, element('dt', {}, texts.fact[name]), value);
      this.#facts.set(name, { box, value });
      list.append(box);
    }
    this.root = element(
      'li',
      { class: 'daemon', 'data-daemon': daemon.id, 'data-kind': daemon.kind },
      element('div', { class: 'daemon-head' }, this.#name, this.#state, this.#uptime),
      list,
      element('div', { class: 'actions' }, this.#restart, this.#stop, this.#start),
      this.#trouble,
      this.#exit,
    );
  }

  show(daemon: Daemon): void {
    this.#daemon = daemon;
    const texts = this.#texts;
    const name = daemonName(this.#channel(), daemon, texts);
    setText(this.#name, name);
    setText(this.#state, word(texts.daemonState, daemon.state));
    setAttribute(this.root, 'data-tone', TONE[daemon.state] ?? 'busy');
    setText(this.#uptime, daemon.uptimeMs === null ? '' : texts.runsFor(duration(daemon.uptimeMs)));
    const facts = factsOf(daemon, texts.language);
    for (const [fact, { box, value }] of this.#facts) {
      setHidden(box, facts[fact] === null);
      setText(value, facts[fact] ?? '');
    }
    setText(this.#exit, exitText(daemon, texts, Date.now()));
    setText(this.#trouble, troubleOf(daemon));
    const off = daemon.stopped || daemon.state === 'stopped';
    setHidden(this.#stop, off);
    setHidden(this.#restart, off);
    setHidden(this.#start, !off);
    const what = `${this.#channel().name}, ${name}`;
    for (const [control, action] of [
      [this.#restart, texts.restart],
      [this.#stop, texts.stop],
      [this.#start, texts.start],
    ] as const) {
      setAttribute(control, 'aria-label', texts.of(action, what));
    }
  }
}
