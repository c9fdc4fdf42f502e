/**
 * The daemon's end of the control channel: dials the supervisor, dials again for ever, and loses nothing that matters in between.
 *
 * Belongs here: dialling, hello, what is said again after a break, what waits during one. That the kernel took a message says nothing: its reader may be
 * dying. So events are kept until the supervisor says that it has written them down. Does not belong here: what messages mean, and
 * what becomes of a daemon without a supervisor (orphan-grace.ts).
 */
import { createConnection, type Socket } from 'node:net';
import type { Logger } from '../../runtime/log.ts';
import { Connection } from '../../runtime/message/connection.ts';
import {
  supervisorMessageSchema,
  type DaemonEvent,
  type DaemonMessage,
  type DaemonReport,
  type SupervisorCommand,
  type SupervisorMessage,
} from '../../runtime/message/schema.ts';

const FIRST_DELAY_MS = 30;
/** While nobody listens: a supervisor that comes back finds all its daemons within this time, and a dial in vain costs 0.1 ms. */
const MAX_DELAY_MS = 150;
/** While somebody listens and hangs up on us: asking often does not help. Well below the time that a supervisor waits for those it adopts. */
const MAX_UNWELCOME_DELAY_MS = 2_000;
/** A channel that lived this long, or on which anything was heard, was a good one: the next dial is quick again. */
const GOOD_MS = 1_000;
/** Events that may wait for a supervisor; beyond that the oldest are dropped. The hole in their numbers tells how many. */
const MAX_WAITING = 256;

/** Facts that are still true after a break: the last of each is said again on every connection, in this order. */
const LASTING = ['ready', 'media', 'camera', 'degraded'] as const satisfies readonly DaemonMessage['type'][];
type Lasting = (typeof LASTING)[number];

export type ControlLinkEvents = {
  readonly message: (message: SupervisorCommand) => void;
  readonly up: () => void;
  /** `welcome` false = whoever is there hung up at once, without a word. */
  readonly down: (welcome: boolean) => void;
};

export class ControlLink {
  readonly #path: string;
  readonly #hello: Extract<DaemonMessage, { type: 'hello' }>;
  readonly #events: ControlLinkEvents;
  readonly #log: Logger;
  readonly #lasting = new Map<Lasting, DaemonMessage>();
  /** Last words that nobody has heard yet. */
  #waiting: DaemonMessage[] = [];
  /** Events that nobody has acknowledged yet, with their numbers. */
  #unacknowledged: Omit<DaemonEvent, 'acknowledged'>[] = [];
  #number = 0;
  #acknowledged = 0;
  #whenAcknowledged = (): void => {};
  #socket: Socket | null = null;
  #connection: Connection<SupervisorMessage, DaemonMessage> | null = null;
  #delayMs = FIRST_DELAY_MS;
  #unwelcome = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, hello: Extract<DaemonMessage, { type: 'hello' }>, events: ControlLinkEvents, log: Logger) {
    this.#path = path;
    this.#hello = hello;
    this.#events = events;
    this.#log = log;
    this.#dial();
  }

  get up(): boolean {
    return this.#connection !== null;
  }

  /** Events that no supervisor has said to have. */
  get untold(): readonly DaemonEvent[] {
    return this.#unacknowledged.map((event) => ({ ...event, acknowledged: this.#acknowledged }));
  }

  /** Sends now, or when there is a supervisor again. */
  send(report: DaemonReport): void {
    if (report.type === 'event') {
      this.#number += 1;
      const event = { ...report, number: this.#number };
      this.#unacknowledged.push(event);
      if (this.#unacknowledged.length > MAX_WAITING) this.#unacknowledged.shift();
      this.#connection?.send({ ...event, acknowledged: this.#acknowledged });
    } else if (isLasting(report.type)) {
      this.#lasting.set(report.type, report);
      this.#connection?.send(report);
    } else if (this.#connection?.send(report) !== true) {
      this.#waiting.push(report);
      if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    }
  }

  /** Waits until every event is acknowledged, hands what is queued to the kernel and hangs up for good. Resolves after `limitMs` at the latest. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === null || this.#connection === null) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, limitMs);
      socket.once('close', resolve);
      socket.once('finish', resolve);
      this.#whenAcknowledged = () => {
        if (this.#unacknowledged.length === 0) this.#connection?.close();
      };
      this.#whenAcknowledged();
    });
    this.#connection?.close();
  }

  #dial(): void {
    const socket = createConnection(this.#path);
    this.#socket = socket;
    // Before there is a connection; afterwards Connection hears them too.
    socket.on('error', () => {});
    socket.once('close', () => this.#again());
    socket.once('connect', () => this.#open(socket));
    this.#unwelcome = false;
  }

  #open(socket: Socket): void {
    const sinceMs = performance.now();
    let heard = false;
    const connection = new Connection<SupervisorMessage, DaemonMessage>(socket, supervisorMessageSchema, {
      message: (message) => {
        heard = true;
        if (message.type === 'acknowledged') this.#forget(message.number);
        else this.#events.message(message);
      },
      closed: (error) => {
        if (error !== null) this.#log.warn({ err: error }, 'the control channel was closed');
        // A supervisor that dies young is another thing than one that does not want us.
        this.#unwelcome = !heard && performance.now() - sinceMs < GOOD_MS;
        if (!this.#unwelcome) this.#delayMs = FIRST_DELAY_MS;
        this.#connection = null;
        this.#events.down(!this.#unwelcome);
      },
    });
    this.#connection = connection;
    connection.send(this.#hello);
    for (const type of LASTING) {
      const message = this.#lasting.get(type);
      if (message !== undefined) connection.send(message);
    }
    for (const event of this.#unacknowledged) connection.send({ ...event, acknowledged: this.#acknowledged });
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#events.up();
    for (const message of waiting) connection.send(message);
  }

  #forget(number: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, number);
    this.#unacknowledged = this.#unacknowledged.filter((event) => event.number > number);
    this.#whenAcknowledged();
  }

  #again(): void {
    if (this.#closed) return;
    // Spread over the delay: the daemons of one supervisor lost it at the same moment.
    const delayMs = this.#delayMs * (0.7 + 0.6 * Math.random());
    this.#delayMs = Math.min(this.#delayMs * 2, this.#unwelcome ? MAX_UNWELCOME_DELAY_MS : MAX_DELAY_MS);
    this.#timer = setTimeout(() => this.#dial(), delayMs);
  }
}

function isLasting(type: DaemonMessage['type']): type is Lasting {
  return (LASTING as readonly string[]).includes(type);
}
