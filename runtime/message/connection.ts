/**
 * One end of a control channel: a socket that carries messages of one schema in and of another out.
 *
 * Belongs here: framing and parsing at the edge, the limit on what waits to be sent, closing exactly once with a reason. Does not belong
 * here: who dials whom, and what a message means. Any frame or message that does not parse closes the connection.
 */
import type { Socket } from 'node:net';
import type { GenericSchema } from 'valibot';
import { BulkheadError, toBulkheadError } from '../errors.ts';
import { encodeFrame, FrameDecoder } from './framing.ts';
import { sentenceOf, tryParse } from './parse.ts';

/** The most bytes that may wait for a peer that does not read. */
const MAX_WAITING_BYTES = 4 << 20;

export type ConnectionEvents<In> = {
  readonly message: (message: In) => void;
  /** Once. `error` is null when the peer or `close()` ended it in order. */
  readonly closed: (error: BulkheadError | null) => void;
};

export class Connection<In, Out> {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents<In>;
  #open = true;

  constructor(socket: Socket, incoming: GenericSchema<unknown, In>, events: ConnectionEvents<In>) {
    this.#socket = socket;
    this.#events = events;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const value of decoder.push(chunk)) {
          if (!this.#open) return;
          this.#receive(incoming, value);
        }
      } catch (error) {
        this.#end(toBulkheadError(error, 'reading the control channel'));
      }
    });
    socket.on('error', (error) => this.#end(toBulkheadError(error, 'using the control channel')));
    socket.on('close', () => this.#end(null));
    socket.on('end', () => this.#end(null));
  }

  get open(): boolean {
    return this.#open;
  }

  /** Queues one message; false when the connection is closed or has just been closed because the peer does not read. */
  send(message: Out): boolean {
    if (!this.#open) return false;
    const frame = encodeFrame(message);
    if (this.#socket.writableLength + frame.length > MAX_WAITING_BYTES) {
      this.#end(
        new BulkheadError(
          'exhausted',
          `The peer does not read its control channel (${this.#socket.writableLength} bytes wait). It is closed.`,
        ),
      );
      return false;
    }
    this.#socket.write(frame);
    return true;
  }

  /** Sends what is queued, then closes. */
  close(): void {
    this.#end(null);
  }

  #receive(incoming: GenericSchema<unknown, In>, value: unknown): void {
    const parsed = tryParse(incoming, value);
    if (parsed.success) {
      this.#events.message(parsed.output);
      return;
    }
    const what = sentenceOf(parsed.complaints);
    this.#end(
      new BulkheadError('corrupt', `A control message does not parse: ${what}. Peer and supervisor differ in version.`),
    );
  }

  #end(error: BulkheadError | null): void {
    if (!this.#open) return;
    this.#open = false;
    if (error === null) this.#socket.end();
    else this.#socket.destroy();
    // A peer that never closes its half must not keep the descriptor.
    this.#socket.setTimeout(1000, () => this.#socket.destroy());
    this.#events.closed(error);
  }
}
