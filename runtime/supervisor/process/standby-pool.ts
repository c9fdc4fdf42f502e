/**
 * The standbys of one supervisor: how many wait, and when a new one is started.
 *
 * Belongs here: keeping one process of each wanted profile waiting, without being in anybody's way. Does not belong here: the process (standby.ts).
 *
 * A standby is only started in a quiet moment: when no daemon is starting, and none was started for a second. So the first start is not slowed down,
 * and when many daemons die at once the processor is theirs. One that ends by itself again and again is tried less and less often.
 */
import type { Clock } from '../../clock.ts';
import { toBulkheadError } from '../../errors.ts';
import type { DaemonKind } from '../../message/config.ts';
import type { Profile } from '../../message/standby.ts';
import { PROFILE_OF, Standby, type StandbyLaunch } from './standby.ts';

/** Without a start of any process. */
const QUIET_MS = 1_000;
/** Without anything declared: then it will not come, or later. */
const UNDECLARED_MS = 10_000;
/** One that has not beaten, or not loaded, for so long is not coming back. */
const LOST_MS = 15_000;
/** One that lived so long was well: its end says nothing of the next one's. */
const WELL_MS = 60_000;
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 120_000;

export type PoolOptions = Omit<StandbyLaunch, 'profile' | 'generation' | 'entry'> & {
  readonly clock: Clock;
  readonly profiles: readonly Profile[];
  readonly entry: () => string;
  readonly nextGeneration: (id: string) => number;
  /** What the supervisor has to do meanwhile: `starting` = a daemon is on its way, `nothing` = none is declared. */
  readonly occupation: () => 'starting' | 'nothing' | 'working';
};

export class StandbyPool {
  readonly #options: PoolOptions;
  readonly #waiting = new Map<Standby, { readonly sinceMs: number }>();
  readonly #openedMs: number;
  #lastStartMs: number;
  readonly #retryMs: Record<Profile, number> = { light: 0, media: 0 };
  readonly #retryDueMs: Record<Profile, number> = { light: 0, media: 0 };
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#openedMs = options.clock.nowMs();
    this.#lastStartMs = this.#openedMs;
  }

  /** One that can become a daemon of this kind at once; undefined = start it cold. It is the caller's from now on. */
  take(kind: DaemonKind): Standby | undefined {
    this.#lastStartMs = this.#options.clock.nowMs();
    const profile = PROFILE_OF[kind];
    const standby = [...this.#waiting.keys()].find((one) => one.profile === profile && one.isFresh);
    if (standby !== undefined) {
      this.#waiting.delete(standby);
      this.#retryMs[profile] = 0;
    }
    return standby;
  }

  /** Called again and again: starts what is missing, ends what is lost. */
  look(): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock.nowMs();
    let loading = false;
    for (const [standby, { sinceMs }] of this.#waiting) {
      const { beatAgeMs } = standby;
      if (beatAgeMs === null) loading = true;
      if ((beatAgeMs ?? nowMs - sinceMs) > LOST_MS) standby.end();
    }
    if (loading || !this.#isQuiet(nowMs)) return;
    const missing = this.#missing().find((profile) => nowMs >= this.#retryDueMs[profile]);
    if (missing !== undefined) this.#start(missing, nowMs);
  }

  /** Ends them all; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const standbys = [...this.#waiting.keys()];
    for (const standby of standbys) standby.end();
    await Promise.all(standbys.map((standby) => standby.ended));
  }

  #isQuiet(nowMs: number): boolean {
    if (nowMs - this.#lastStartMs < QUIET_MS) return false;
    const occupation = this.#options.occupation();
    return occupation === 'working' || (occupation === 'nothing' && nowMs - this.#openedMs >= UNDECLARED_MS);
  }

  /** A profile that is wanted twice may be missing twice. */
  #missing(): Profile[] {
    const waiting = [...this.#waiting.keys()].map(({ profile }) => profile);
    return this.#options.profiles.filter((profile) => {
      const at = waiting.indexOf(profile);
      if (at < 0) return true;
      waiting.splice(at, 1);
      return false;
    });
  }

  #start(profile: Profile, nowMs: number): void {
    const { entry, nextGeneration, log } = this.#options;
    this.#lastStartMs = nowMs;
    try {
      const generation = nextGeneration(`standby:${profile}`);
      const launch = { ...this.#options, entry: entry(), profile, generation };
      const standby = Standby.spawn(launch, (gone) => this.#lost(gone));
      if (standby === undefined) {
        log.info('processes cannot be handed sockets on this platform: no standby is kept');
        this.#closed = true;
        return;
      }
      this.#waiting.set(standby, { sinceMs: nowMs });
    } catch (error) {
      log.warn({ err: toBulkheadError(error, 'starting a standby'), profile }, 'a standby cannot be started');
      this.#putOff(profile, nowMs);
    }
  }

  #lost(standby: Standby): void {
    const waiting = this.#waiting.get(standby);
    if (waiting === undefined || this.#closed) return;
    this.#waiting.delete(standby);
    const { profile } = standby;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - waiting.sinceMs >= WELL_MS) this.#retryMs[profile] = 0;
    this.#options.log.warn(
      { profile, pid: standby.pid },
      'a standby has ended before it was needed; another one follows',
    );
    this.#putOff(profile, nowMs);
  }

  #putOff(profile: Profile, nowMs: number): void {
    this.#retryMs[profile] = Math.min(Math.max(this.#retryMs[profile] * 2, FIRST_RETRY_MS), MAX_RETRY_MS);
    this.#retryDueMs[profile] = nowMs + this.#retryMs[profile];
  }
}
