/**
 * What only one node can have: a channel's slug, a stream's number, a port on an address. The second node that asks is told who was first.
 *
 * A node gives its claims back as soon as it is closed, and asks again when it is created: after a deploy the order of the flows decides, as it did before.
 */
import { BulkheadError } from '../errors.ts';

type Claim = { readonly owner: string; readonly ownerName: string };

export type Owner = {
  /** The node's path in the flows. */
  readonly path: string;
  /** How people call the node, for the message to the one who comes second. */
  readonly name: string;
};

/** Addresses that take a port on every other address as well. */
const WILDCARDS = new Set(['0.0.0.0', '::']);

export class Claims {
  readonly #slugs = new Map<string, Claim>();
  readonly #numbers = new Map<number, Claim>();
  readonly #ports: (Claim & { readonly host: string; readonly port: number })[] = [];

  /** Claims a channel slug. Throws `conflict`. */
  channel(slug: string, owner: Owner): void {
    const claim = this.#slugs.get(slug);
    if (claim && claim.owner !== owner.path) {
      throw new BulkheadError(
        'conflict',
        `The channel "${slug}" belongs to the camera "${claim.ownerName}" already. Give this camera a channel of its own.`,
        { context: { channel: slug } },
      );
    }
    this.#slugs.set(slug, { owner: owner.path, ownerName: owner.name });
  }

  /** Claims a stream's number and its port, both or neither. Throws `conflict`. */
  stream(number: number, host: string, port: number, owner: Owner): void {
    const sameNumber = this.#numbers.get(number);
    if (sameNumber && sameNumber.owner !== owner.path) {
      throw new BulkheadError(
        'conflict',
        `Channel number ${number} belongs to the stream "${sameNumber.ownerName}" already. Give this stream a number of its own.`,
        { context: { port } },
      );
    }
    const samePort = this.#ports.find(
      (claim) => claim.owner !== owner.path && claim.port === port && overlap(claim.host, host),
    );
    if (samePort) {
      throw new BulkheadError(
        'conflict',
        `Port ${port} belongs to the stream "${samePort.ownerName}" already. Give this stream a port of its own.`,
        { context: { port } },
      );
    }
    this.release(owner.path);
    this.#numbers.set(number, { owner: owner.path, ownerName: owner.name });
    this.#ports.push({ owner: owner.path, ownerName: owner.name, host, port });
  }

  /** Gives back everything that a node has claimed. */
  release(path: string): void {
    for (const claims of [this.#slugs, this.#numbers]) {
      for (const [key, claim] of claims) {
        if (claim.owner === path) (claims as Map<string | number, Claim>).delete(key);
      }
    }
    const kept = this.#ports.filter((claim) => claim.owner !== path);
    this.#ports.splice(0, this.#ports.length, ...kept);
  }
}

function overlap(a: string, b: string): boolean {
  return a === b || WILDCARDS.has(a) || WILDCARDS.has(b);
}
