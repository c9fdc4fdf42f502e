/**
 * What a supervisor is opened with, and what it is when nothing is said.
 *
 * Does not belong here: what becomes of it (supervisor.ts), and the figures of each policy (beside the policy).
 */
import { resolve } from 'node:path';
import { systemClock, type Clock } from '../clock.ts';
import { EventLog } from '../event-log.ts';
import type { Logger } from '../log.ts';
import type { DaemonKind } from '../message/config.ts';
import { PROFILES, type Profile } from '../message/standby.ts';
import type { MemoryPolicy } from './policy/memory-policy.ts';
import type { ProgressPolicy } from './policy/progress.ts';
import { daemonEntry } from './process/spawn.ts';

/** How long the flows of a supervisor that has just started may take to declare what was running before. */
const ADOPTION_HOLD_MS = 60_000;

export type SupervisorOptions = {
  /** State files and the control socket; this user's alone. */
  readonly runDirectory: string;
  readonly logDirectory: string;
  /** The journal of events; lasts longer than anything that runs. */
  readonly eventDirectory: string;
  readonly log: Logger;
  /** Gets the events of earlier supervisors, and then every one that is told. */
  readonly history?: EventLog;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** How long an adopted daemon stays without being declared. */
  readonly adoptionHoldMs?: number;
  /** Other figures of the memory policy. */
  readonly memory?: Partial<MemoryPolicy>;
  /** How long output may stay away while input goes on. */
  readonly progress?: Partial<ProgressPolicy>;
  /** The program of a kind. */
  readonly daemonEntry?: (kind: DaemonKind) => string;
  /** A process of each waits to take a daemon's place; a profile that is named twice waits twice. Default: one of each. */
  readonly standby?: readonly Profile[];
  /** Daemons end with this process, however it ends: for those who start and stop it all day. Then nothing survives a crash. */
  readonly development?: boolean;
  /** How long daemons work on without a supervisor; null = as is usual for each kind. */
  readonly orphanGraceMs?: number | null;
};

export type CompleteOptions = Required<SupervisorOptions>;

export function completeOptions(given: SupervisorOptions): CompleteOptions {
  return {
    clock: systemClock,
    random: Math.random,
    adoptionHoldMs: ADOPTION_HOLD_MS,
    daemonEntry,
    history: new EventLog(),
    standby: PROFILES,
    development: false,
    orphanGraceMs: null,
    memory: {},
    progress: {},
    ...given,
    runDirectory: resolve(given.runDirectory),
    logDirectory: resolve(given.logDirectory),
    eventDirectory: resolve(given.eventDirectory),
  };
}
