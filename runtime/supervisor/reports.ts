/**
 * Tells the world what happens to one daemon: the reports of the state table become the contract's events.
 *
 * Belongs here: names and details of events, and what is told once only. Does not belong here: whether something happened (transition.ts) and
 * what becomes of events (events.ts).
 */
import { assertNever } from '../errors.ts';
import type { ChildExit } from './process/child.ts';
import type { Facts } from './facts.ts';
import type { Outcome, Reason, Report } from './service.ts';
import type { EventDetail } from './view.ts';

/** What could not be started for this long will not be in a moment: two daemons that swap their ports in one deploy take less. */
export const BLOCKED_MS = 500;

export type ReportsHost = {
  readonly nowMs: () => number;
  readonly tell: (type: string, reason: Reason | null, detail: EventDetail) => void;
  /** For operators: somebody must act. */
  readonly alarm: (text: string) => void;
};

export class Reports {
  readonly #host: ReportsHost;
  readonly #facts: Facts;
  /** How the last process ended; `started` false = there was none. */
  #exit: ChildExit & { readonly started: boolean } = { code: null, signal: null, started: false };
  #blockedSinceMs: number | null = null;
  /** Causes of being blocked that have been told. */
  readonly #told = new Set<string>();

  constructor(host: ReportsHost, facts: Facts) {
    this.#host = host;
    this.#facts = facts;
  }

  /** It could not even be started, for a reason outside. */
  get blocked(): boolean {
    return this.#blockedSinceMs !== null;
  }

  /** How the process ended that the next report is about. */
  ended(exit: ChildExit, started: boolean): void {
    this.#exit = { ...exit, started };
  }

  report(report: Report): void {
    const { tell, alarm } = this.#host;
    switch (report.type) {
      case 'ready':
        this.#blockedSinceMs = null;
        this.#told.clear();
        this.#facts.lastError = null;
        return tell('daemon.ready', null, {});
      case 'adopted':
        return tell('daemon.adopted', null, {});
      case 'respawned':
      case 'recycled':
        return tell(`daemon.${report.type}`, report.reason, { recoveryMs: Math.round(report.recoveryMs) });
      case 'hung':
        return tell('daemon.hung', 'hang', {});
      case 'stalled':
        return tell('daemon.stalled', 'hang', {});
      case 'exited':
        return this.#exited(report.reason, report.outcome);
      case 'starved':
        return tell('stream.starved', 'starved', {});
      case 'held':
        alarm('the daemon fails again and again; it is held, with one try a minute');
        return tell('daemon.held', this.#facts.lastExit?.reason ?? 'crash', {
          message: this.#facts.lastError?.message ?? null,
        });
      case 'stuck':
        return alarm('a killed process does not end; a device may not answer');
      default:
        assertNever(report);
    }
  }

  #exited(reason: Reason, outcome: Outcome): void {
    const { code, signal, started } = this.#exit;
    const message = this.#facts.lastError?.message ?? null;
    if (!started) return this.#blocked(message ?? '');
    this.#facts.exit({ reason, outcome, code, signal });
    this.#host.tell('daemon.exited', reason, { outcome, code, signal, message });
  }

  /** It never ran, and will not until something outside changes: said once for each cause, not once for each try. */
  #blocked(message: string): void {
    const nowMs = this.#host.nowMs();
    this.#blockedSinceMs ??= nowMs;
    if (nowMs - this.#blockedSinceMs < BLOCKED_MS || this.#told.has(message)) return;
    this.#told.add(message);
    this.#host.tell('daemon.blocked', null, { message });
  }
}
