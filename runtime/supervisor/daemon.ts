/**
 * One daemon kept as it is wanted: what happens to its process goes into the state table, and what the table says is carried out.
 *
 * Belongs here: the effects of transition.ts, its timer, and what each message of the process means for it. Does not belong here: the decisions
 * (transition.ts), what is known (facts.ts) and told (reports.ts), the process itself (child.ts), the port and two generations at once (slot.ts).
 */
import type { Cancel, Clock } from '../clock.ts';
import { assertNever, BulkheadError, toBulkheadError } from '../errors.ts';
import { EXIT, exitMeaning, type ExitMeaning } from '../exit-code.ts';
import type { Logger } from '../log.ts';
import type { DaemonKind } from '../message/config.ts';
import type { DaemonEvent, DaemonMessage } from '../message/schema.ts';
import type { Child, ChildEvents, ChildExit } from './process/child.ts';
import { Facts } from './facts.ts';
import { KINDS } from './policy/kinds.ts';
import { Reports } from './reports.ts';
import {
  hasProcess,
  LIMIT_MS,
  STARTING,
  STOPPED,
  type Effect,
  type Outage,
  type Reason,
  type Service,
  type ServiceEvent,
} from './service.ts';
import type { DaemonState } from './process/state-file.ts';
import { transition } from './transition.ts';
import type { EventDetail, Spec } from './view.ts';

/** An event without the time at which it happens: that is filled in here. */
type Occurrence = ServiceEvent extends infer E ? (E extends ServiceEvent ? Omit<E, 'atMs'> : never) : never;

export type DaemonHost = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Calls `go` when its turn to be started comes; `leave` = it need not any more, or it has been started. */
  readonly queue: {
    readonly enter: (daemon: Daemon, go: () => void) => void;
    readonly leave: (daemon: Daemon) => void;
  };
  /** Starts the process of the next generation. Throws when that is not possible now. */
  readonly launch: (events: ChildEvents) => Child;
  /** A state was entered, and what entering it asks for has been done. */
  readonly entered: (daemon: Daemon) => void;
  readonly event: (daemon: Daemon, type: string, reason: Reason | null, detail: EventDetail) => void;
  /** The process tells an event of its own, perhaps once more: it is to be acknowledged. */
  readonly heard: (daemon: Daemon, event: DaemonEvent) => void;
  /** Something that the view shows has changed. */
  readonly changed: (daemon: Daemon) => void;
};

const DRAIN_GRACE_MS = LIMIT_MS.draining - 1_000;
/** A timer that is this late was not late because of the daemon: we were away, and what it said meanwhile is still to be read. */
const LATE_MS = 300;
const LATE_GRACE_MS = 1_000;

export class Daemon {
  readonly id: string;
  /** Null for a process that was adopted and has not been declared yet. */
  spec: Spec | null = null;
  readonly facts: Facts;
  readonly #reports: Reports;
  readonly #host: DaemonHost;
  #service: Service = STOPPED;
  #child: Child | null = null;
  /** Of the process that runs, or ran last. */
  #state: Pick<DaemonState, 'kind' | 'channel' | 'generation'> | null = null;
  #pid: number | null = null;
  #cancelTimer: Cancel = () => {};
  #waiting: ServiceEvent[] = [];
  #busy = false;

  constructor(id: string, host: DaemonHost) {
    this.id = id;
    this.#host = host;
    this.facts = new Facts(() => host.clock.wallMs());
    this.#reports = new Reports(
      {
        nowMs: () => host.clock.nowMs(),
        tell: (type, reason, detail) => host.event(this, type, reason, detail),
        alarm: (text) => host.log.error({ daemon: this.who() }, text),
      },
      this.facts,
    );
  }

  /** It could not even be started, for a reason outside. */
  get blocked(): boolean {
    return this.#reports.blocked;
  }

  get service(): Service {
    return this.#service;
  }

  /** The process, while there is one. */
  get child(): Child | null {
    return this.#child;
  }

  get channel(): string {
    return this.spec?.channel ?? this.#state?.channel ?? '';
  }

  /** For logs and events: also of a process that has ended. */
  who(): { kind: DaemonKind; id: string; pid: number | null; generation: number } {
    const kind = this.spec?.config.kind ?? this.#state?.kind ?? 'probe';
    return { kind, id: this.id, pid: this.#pid, generation: this.#state?.generation ?? 0 };
  }

  /** Takes the place of another, which serves no more; `outage` = since when, unless it serves until this one does. */
  succeed(previous: Daemon, outage: Outage | null): void {
    this.facts.inherit(previous.facts);
    if (outage !== null) this.feed({ type: 'alone', outage });
  }

  /** Takes over a process of an earlier supervisor; `adopt` makes it with the events it is given. */
  adopt(adopt: (events: ChildEvents) => Child): void {
    this.#started(adopt(this.#childEvents()));
    this.feed({ type: 'adopt' });
  }

  /** Says that something happened. What follows from it follows now, or, from within an effect, right after it. */
  feed(occurrence: Occurrence): void {
    this.#waiting.push({ ...occurrence, atMs: this.#host.clock.nowMs() });
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) this.#step(event);
    } finally {
      this.#busy = false;
    }
  }

  /** Its input goes on and its output does not, or does again. What it says of itself counts as well. */
  stalls(stalled: boolean): void {
    if (stalled === this.facts.stalled) return;
    this.facts.stalled = stalled;
    if (stalled) this.feed({ type: 'stalled' });
    else if (this.facts.degraded === null) this.feed({ type: 'recovered' });
    this.#host.changed(this);
  }

  /** Ends the timer; the process, if there is one, is left as it is. */
  close(): void {
    this.#cancelTimer();
    this.#host.queue.leave(this);
    this.#waiting = [];
  }

  #step(event: ServiceEvent): void {
    const before = this.#service.actual;
    const { service, effects } = transition(this.#service, event);
    this.#service = service;
    const moved = service.actual !== before;
    if (moved) this.#cancelTimer();
    for (const effect of effects) this.#carryOut(effect);
    if (!moved) return;
    if (!STARTING.has(service.actual)) this.#host.queue.leave(this);
    this.#host.log.debug({ daemon: this.who(), from: before, to: service.actual, on: event.type }, 'state');
    this.#host.entered(this);
    this.#host.changed(this);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'queue':
        return this.#host.queue.enter(this, () => this.feed({ type: 'turn' }));
      case 'spawn':
        return this.#spawn();
      case 'configure':
        if (this.spec !== null) this.#child?.send({ type: 'configure', config: this.spec.config });
        return;
      case 'askToDrain':
        if (this.#child?.send({ type: 'drain', graceMs: DRAIN_GRACE_MS }) !== true) this.#child?.signal('SIGTERM');
        return;
      case 'askToStop':
        this.#child?.send({ type: 'stop' });
        // Both ways at once: a daemon that has not dialled hears only the signal. Windows has no SIGTERM, there it would be a kill.
        if (process.platform !== 'win32' || this.#child?.dialled !== true) this.#child?.signal('SIGTERM');
        return;
      case 'kill':
        this.#child?.signal('SIGKILL');
        return;
      case 'timer':
        return this.#arm(effect.delayMs);
      case 'report':
        return this.#reports.report(effect.report);
      default:
        assertNever(effect);
    }
  }

  /** `again` = it was late once, and is not put off for that a second time: who is always late would never be done with anything. */
  #arm(delayMs: number, again = false): void {
    // A state that is entered again from itself: its first timer would go off in whatever state is next.
    this.#cancelTimer();
    const dueMs = this.#host.clock.nowMs() + delayMs;
    this.#cancelTimer = this.#host.clock.after(delayMs, () => {
      const lateMs = this.#host.clock.nowMs() - dueMs;
      if (lateMs > LATE_MS && !again && hasProcess(this.#service)) return this.#arm(LATE_GRACE_MS, true);
      this.feed({ type: 'timeout' });
      // A process that was adopted without a pid and never said hello: there is nobody to kill.
      this.#child?.abandon();
    });
  }

  #spawn(): void {
    try {
      this.#started(this.#host.launch(this.#childEvents()));
    } catch (error) {
      this.#noteError(toBulkheadError(error, 'starting a daemon'));
      this.#exited({ code: EXIT.temporary, signal: null }, false);
    }
  }

  #started(child: Child): void {
    this.#child = child;
    this.#state = child.state;
    this.#pid = child.pid;
    this.facts.begin(this.#host.clock.nowMs());
  }

  #childEvents(): ChildEvents {
    return {
      hello: (hello) => {
        this.#pid = hello.pid;
        this.feed({ type: 'hello' });
      },
      refused: (protocol) => {
        const message = `The daemon speaks protocol ${protocol}, which is not ours. It is replaced by one of this version.`;
        this.#noteError(new BulkheadError('version', message));
        this.feed({ type: 'refused' });
      },
      message: (message) => this.#hear(message),
      exited: (exit, error) => {
        if (error !== null) this.#noteError(error);
        this.#exited(exit, error === null);
      },
    };
  }

  #meaningOf({ code, signal }: ChildExit): ExitMeaning | undefined {
    // Asked to end before it could listen: the signal has done what the daemon would have.
    if (signal === 'SIGTERM' && this.#service.actual === 'stopping') return 'done';
    return signal === null && code !== null ? exitMeaning(code) : undefined;
  }

  #exited(exit: ChildExit, started: boolean): void {
    const meaning = this.#meaningOf(exit);
    this.#reports.ended(exit, started);
    this.#child = null;
    this.facts.end();
    const { respawnCapMs: capMs } = KINDS[this.who().kind];
    this.feed({ type: 'exited', outcome: meaning ?? 'crash', random: this.#host.random(), capMs });
  }

  #hear(message: DaemonMessage): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        this.feed({ type: 'ready' });
        if (this.facts.degraded !== null) this.feed({ type: 'degraded' });
        return;
      case 'degraded':
        this.facts.degraded = message.reason;
        this.feed({ type: message.reason === null && !this.facts.stalled ? 'recovered' : 'degraded' });
        break;
      case 'media':
        this.facts.media = message.media;
        break;
      case 'camera':
        if (this.facts.hearCamera(message)) {
          const { state, errorKind, message: text } = message;
          this.#host.event(this, `camera.${state}`, null, { errorKind, message: text });
        }
        break;
      case 'event':
        return this.#host.heard(this, message);
      case 'failed':
        this.facts.note(message.errorKind, message.message);
        break;
      default:
        assertNever(message);
    }
    this.#host.changed(this);
  }

  #noteError(error: BulkheadError): void {
    this.#host.log.warn({ daemon: this.who(), err: error }, 'a daemon has a problem');
    this.facts.error(error);
  }
}
