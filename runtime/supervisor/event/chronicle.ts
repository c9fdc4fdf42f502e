/**
 * What a supervisor tells, and of whom: of its daemons, of those that ended while nobody watched, and of itself.
 *
 * Belongs here: putting a name to each event, and that nothing is told which the world knows. Does not belong here: what is worth an event
 * (transition.ts, reports.ts), and numbering and keeping them (events.ts).
 */
import type { Clock } from '../../clock.ts';
import type { DaemonEvent } from '../../message/schema.ts';
import type { Departed } from '../adoption.ts';
import type { Daemon } from '../daemon.ts';
import type { Events } from './events.ts';
import type { Outage, Reason } from '../service.ts';
import type { EventDetail } from '../view.ts';

export class Chronicle {
  readonly #clock: Clock;
  readonly #events: Events;
  /** Which of all the supervisors of this home it is. */
  readonly #number: number;

  constructor(clock: Clock, events: Events) {
    this.#clock = clock;
    this.#events = events;
    this.#number = events.past.starts + 1;
  }

  started(adopted: number): void {
    const cause = this.#events.past.lastEnd;
    this.#ofItself('supervisor.started', cause === 'crash' ? 'crash' : null, { cause, adopted });
  }

  stopped(): void {
    this.#ofItself('supervisor.stopped', 'operator', {});
  }

  of(daemon: Daemon, type: string, reason: Reason | null, detail: EventDetail): void {
    // A respawned or adopted capture daemon says once more how its camera is.
    if (this.#events.past.knows(type, daemon.id)) return;
    this.#events.tell({ type, channel: daemon.channel, daemon: daemon.who(), reason, detail });
  }

  /** A daemon tells an event of its own; it may forget it when that is written down. */
  heard(daemon: Daemon, event: DaemonEvent): void {
    const number = this.#events.hear({ channel: daemon.channel, daemon: daemon.who() }, event);
    if (number !== null) daemon.child?.send({ type: 'acknowledged', number });
  }

  /** What happened while there was no supervisor, unless our predecessor has told it and could not say so. */
  departed({ state, outcome, reason, code, message, time }: Departed): void {
    const { id, kind, channel, generation } = state;
    const from = { channel, daemon: { kind, id, generation, pid: state.process?.pid ?? null } };
    for (const event of state.ended?.events ?? []) this.#events.hear(from, event);
    if (this.#events.past.hasEnded(from.daemon)) return;
    const detail = { outcome, code, signal: null, message, unattended: true, time };
    this.#events.tell({ ...from, type: 'daemon.exited', reason, detail });
  }

  /** An earlier supervisor told of a failure and not of its end: that is still to come. Null = there is none. */
  openOutage(id: string): Outage | null {
    const outage = this.#events.past.outage(id);
    if (outage === null) return null;
    const sinceMs = this.#clock.nowMs() - Math.max(0, this.#clock.wallMs() - outage.time);
    return { sinceMs, reason: outage.reason, planned: false };
  }

  #ofItself(type: string, reason: Reason | null, detail: EventDetail): void {
    const daemon = { kind: 'supervisor', id: 'supervisor', pid: process.pid, generation: this.#number } as const;
    this.#events.tell({ type, channel: '', daemon, reason, detail });
  }
}
