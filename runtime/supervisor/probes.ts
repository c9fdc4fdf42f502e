/**
 * The probes under way: how many there may be, and that none is left behind.
 *
 * Does not belong here: one probe (probe.ts).
 */
import { BulkheadError } from '../errors.ts';
import type { MediaDescription } from '../media/track.ts';
import type { ProbeConfig } from '../message/config.ts';
import type { Child } from './process/child.ts';
import { startProbe, type Probe, type ProbeHost } from './probe.ts';

const MOST = 4;

export class Probes {
  readonly #host: ProbeHost;
  readonly #probes = new Set<Probe>();

  constructor(host: ProbeHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#probes.size;
  }

  /** Rejects with `exhausted` when there are too many, and with the reason why the source cannot be opened. */
  async open(config: ProbeConfig): Promise<MediaDescription> {
    if (this.#probes.size >= MOST) {
      throw new BulkheadError('exhausted', `${MOST} sources are being tested already. Wait for one of them.`);
    }
    const probe = startProbe(config, this.#host);
    this.#probes.add(probe);
    void probe.ended.finally(() => this.#probes.delete(probe));
    return await probe.result;
  }

  children(): Child[] {
    return [...this.#probes].map(({ child }) => child);
  }

  /** Breaks them off; resolves when their processes are gone. */
  async close(): Promise<void> {
    const probes = [...this.#probes];
    for (const probe of probes) probe.cancel();
    await Promise.all(probes.map(({ ended }) => ended));
  }
}
