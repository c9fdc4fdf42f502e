/**
 * `GET /bulkhead/api/events`: what happened, as a JSON history or as it happens (server-sent events, HTML Living Standard 9.2).
 *
 * Belongs here: what a client may ask for, and that no client costs more than its share. Does not belong here: where events are kept (event-log.ts).
 */
import type { Request, Response } from 'express';
import * as v from 'valibot';
import type { EventLog } from '../../event-log.ts';
import { BulkheadError } from '../../errors.ts';
import { entered, text } from '../../message/fields.ts';
import { tryParse } from '../../message/parse.ts';
import type { BulkheadEvent } from '../../supervisor/view.ts';

/** Proxies cut connections on which nothing moves. */
const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 1_000;
/** What may wait for a client that does not read; then it is let go, and comes back with the id of the last event that it has. */
const MOST_PENDING_BYTES = 1 << 20;
/** What is written at once of a long history: the rest follows when the client has read. */
const BATCH = 200;
const MOST_CLIENTS = 64;
const LARGEST_TIME_MS = 100_000_000_000_000;

/** `?types=a,b` and `?types=a&types=b` alike. */
const list = v.optional(
  v.pipe(
    v.union([text(4_000), v.pipe(v.array(text(100)), v.maxLength(100))]),
    v.transform((given) => [given].flat().flatMap((part) => part.split(',').filter(Boolean))),
  ),
  '',
);
const filterSchema = v.object({ types: list, channels: list });
const historySchema = v.object({
  ...filterSchema.entries,
  since: v.optional(text(40)),
  limit: v.optional(entered(1, 2000), 200),
});
const idSchema = v.optional(v.pipe(v.string(), v.regex(/^\d{1,16}$/), v.transform(Number)));

type Filter = v.InferOutput<typeof filterSchema>;

/** Whether a client wants this event; an empty list means all. */
export function matches({ types, channels }: Filter, { type, channel }: BulkheadEvent): boolean {
  return (types.length === 0 || types.includes(type)) && (channels.length === 0 || channels.includes(channel));
}

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
  const query = tryParse(historySchema, request.query);
  if (!query.success) {
    throw new BulkheadError('invalid', '"limit" must be a number from 1 to 2000, "types" and "channels" are lists.');
  }
  const { since, limit, ...filter } = query.output;
  const events = selectSince(log.all(), since).filter((event) => matches(filter, event));
  response.json(since === undefined || since === '' ? events.slice(-limit) : events.slice(0, limit));
}

const clients = new Set<Response>();

/**
 * The stream: from now on, or after the event that `Last-Event-ID` names, as a header or, for those who cannot set one, in the query. A client whose last
 * event is older than anything that is known is sent an event `gap` first.
 */
export function streamEvents(log: EventLog, request: Request, response: Response): void {
  const filter = tryParse(filterSchema, request.query);
  if (!filter.success) throw new BulkheadError('invalid', '"types" and "channels" are lists.');
  if (clients.size >= MOST_CLIENTS) {
    throw new BulkheadError('exhausted', `${MOST_CLIENTS} clients follow the events already. Close one of them.`);
  }
  const asked = tryParse(idSchema, request.get('Last-Event-ID') ?? request.query['lastEventId']);
  const last = asked.success ? asked.output : undefined;
  // An id that has not been told yet is one that a power cut took from the journal: what comes now is news.
  let cursor = Math.min(last ?? log.lastId, log.lastId);
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    Connection: 'keep-alive',
    'X-Accel-Buffering': 'no',
  });
  clients.add(response);
  response.write(`retry: ${RETRY_MS}\n\n`);
  if (last !== undefined && last > 0 && last < log.firstId) {
    response.write(`event: gap\ndata: ${JSON.stringify({ after: last, oldest: log.firstId })}\n\n`);
  }

  const send = (): void => {
    const waiting = log.after(cursor);
    for (const event of waiting.slice(0, BATCH)) {
      cursor = event.id;
      if (matches(filter.output, event)) response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    if (response.writableLength > MOST_PENDING_BYTES) response.destroy();
    else if (waiting.length > BATCH) goOn();
  };
  let goingOn = false;
  /** As soon as the client has read what it was sent. */
  const goOn = (): void => {
    if (goingOn) return;
    goingOn = true;
    const next = (): void => {
      goingOn = false;
      if (!response.destroyed) send();
    };
    if (response.writableNeedDrain) response.once('drain', next);
    else setImmediate(next);
  };
  const endSending = log.onAppend(() => {
    if (!goingOn) send();
  });
  // With the id, so that who has had nothing for long that it wanted does not begin far back.
  const keepAlive = setInterval(
    () => response.write(goingOn || cursor === 0 ? ':\n\n' : `id: ${cursor}\n:\n\n`),
    KEEP_ALIVE_MS,
  );
  response.on('close', () => {
    clearInterval(keepAlive);
    endSending();
    clients.delete(response);
  });
  send();
}
