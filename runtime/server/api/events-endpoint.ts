/**
 * `GET /bulkhead/api/events`: what happened, as a JSON history or as it happens (server-sent events, HTML Living Standard 9.2).
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { EventLog } from '../../event-log.ts';
import { BulkheadError } from '../../errors.ts';
import type { BulkheadEvent } from '../../supervisor/view.ts';

/** Proxies cut connections on which nothing moves. */
const KEEP_ALIVE_MS = 15_000;
/** A client that does not read is let go; it comes back with the id of the last event it has. */
const MOST_PENDING_BYTES = 1 << 20;
const LARGEST_TIME_MS = 100_000_000_000_000;

const querySchema = z.object({
  since: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(2000).default(200),
});

/** Reads `since`: the id of an event, a time in milliseconds or an ISO date. Ids are far larger than any time. */
export function selectSince(events: readonly BulkheadEvent[], since: string | undefined): readonly BulkheadEvent[] {
  if (since === undefined || since === '') return events;
  const number = /^\d{1,16}$/.test(since) ? Number(since) : Number.NaN;
  if (number > LARGEST_TIME_MS) return events.filter((event) => event.id > number);
  const timeMs = Number.isNaN(number) ? Date.parse(since) : number;
  if (Number.isNaN(timeMs)) {
    throw new BulkheadError('invalid', '"since" must be the id of an event, milliseconds since 1970 or an ISO date.');
  }
  return events.filter((event) => event.time >= timeMs);
}

/** The history: the newest `limit` events, or with `since` the first `limit` from there on; oldest first. */
export function sendHistory(log: EventLog, request: Request, response: Response): void {
  const query = querySchema.safeParse(request.query);
  if (!query.success) throw new BulkheadError('invalid', '"limit" must be a number from 1 to 2000.');
  const { since, limit } = query.data;
  const events = selectSince(log.all(), since);
  response.json(since === undefined ? events.slice(-limit) : events.slice(0, limit));
}

/** The stream: from now on, or after the event that `Last-Event-ID` names. */
export function streamEvents(log: EventLog, request: Request, response: Response): void {
  const last = request.get('Last-Event-ID');
  let cursor = last !== undefined && /^\d{1,16}$/.test(last) ? Number(last) : log.lastId;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    Connection: 'keep-alive',
    'X-Accel-Buffering': 'no',
  });
  response.write('retry: 1000\n\n');

  const send = (): void => {
    for (const event of log.after(cursor)) {
      cursor = event.id;
      response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    if (response.writableLength > MOST_PENDING_BYTES) response.destroy();
  };
  const endSending = log.onAppend(send);
  const keepAlive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS);
  response.on('close', () => {
    clearInterval(keepAlive);
    endSending();
  });
  send();
}
