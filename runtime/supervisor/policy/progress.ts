/**
 * Who beats and does not work: input goes on, and no output comes of it. A judgement over counters, without clocks, pages or processes.
 *
 * Belongs here: how long output may stay away. Does not belong here: reading counters (status-page.ts), who is asked (rounds.ts), and what happens
 * (transition.ts). Silence is no stall: a camera that sends nothing, and a packet that came alone and was of no use, are nobody's fault. So what
 * is measured is for how long input has gone on after the last output, and not how old that is.
 */

export type ProgressPolicy = {
  /** Input has gone on for this long without output: told, and shown as degraded. */
  readonly stalledMs: number;
  /** For this much longer: it will not come back by itself. */
  readonly hopelessMs: number;
};
export const PROGRESS: ProgressPolicy = { stalledMs: 10_000, hopelessMs: 20_000 };

/** What one daemon has counted so far. */
export type Work = { readonly key: string; readonly input: number; readonly output: number };

export type ProgressVerdict = {
  readonly stalled: ReadonlySet<string>;
  /** `sinceMs` = when the first input came that had no output. */
  readonly hopeless: readonly { readonly key: string; readonly sinceMs: number }[];
};

type Watch = {
  readonly input: number;
  readonly output: number;
  /** First and last input after the last output. */
  readonly unanswered: { readonly sinceMs: number; readonly untilMs: number } | null;
};

export class Progress {
  readonly #policy: ProgressPolicy;
  #watches = new Map<string, Watch>();

  constructor(policy: ProgressPolicy = PROGRESS) {
    this.#policy = policy;
  }

  /** One pass. `selfStalledMs` = we were away for so long, and nobody is to blame for it. Whoever is not in `works` is forgotten. */
  look(atMs: number, works: readonly Work[], selfStalledMs = 0): ProgressVerdict {
    this.#watches = new Map(
      works.map((work) => [work.key, watch(this.#watches.get(work.key), work, atMs, selfStalledMs)]),
    );
    const lasting = [...this.#watches].flatMap(([key, { unanswered }]) =>
      unanswered === null ? [] : [{ key, ...unanswered, forMs: unanswered.untilMs - unanswered.sinceMs }],
    );
    const { stalledMs, hopelessMs } = this.#policy;
    return {
      stalled: new Set(lasting.filter(({ forMs }) => forMs >= stalledMs).map(({ key }) => key)),
      hopeless: lasting.filter(({ forMs }) => forMs >= stalledMs + hopelessMs),
    };
  }
}

function watch(before: Watch | undefined, { input, output }: Work, atMs: number, selfStalledMs: number): Watch {
  if (before === undefined || output !== before.output) return { input, output, unanswered: null };
  const past = before.unanswered;
  const moved = past && { sinceMs: past.sinceMs + selfStalledMs, untilMs: past.untilMs + selfStalledMs };
  if (input === before.input) return { input, output, unanswered: moved };
  return { input, output, unanswered: { sinceMs: moved?.sinceMs ?? atMs, untilMs: atMs } };
}
