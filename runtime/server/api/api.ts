/**
 * The HTTP API of Bulkhead, put onto whatever Express router it is given: Node-RED's admin router, in a palette and standalone alike.
 *
 * Everything but `/bulkhead/health` asks for a permission first; who has it is Node-RED's adminAuth. Does not belong here: what an answer is made of (beside
 * this file).
 */
import { fileURLToPath } from 'node:url';
import type { IRouter, Request, RequestHandler } from 'express';
import { z } from 'zod';
import type { Bulkhead } from '../../bulkhead.ts';
import { EventLog } from '../../event-log.ts';
import { BulkheadError } from '../../errors.ts';
import { channelViews, type ChannelView } from './channel-view.ts';
import { sendHistory, streamEvents } from './events-endpoint.ts';
import { handler } from './http-error.ts';
import { probeCamera, type ProbeAccess } from './probe-endpoint.ts';

export type ApiOptions = {
  /** The runtime, if anything has opened it. */
  readonly current: () => Bulkhead | undefined;
  /** The runtime, opened if need be. */
  readonly open: () => Bulkhead;
  readonly needsPermission: (permission: string) => RequestHandler;
  readonly storedCredentials: ProbeAccess['storedCredentials'];
  readonly environment: ProbeAccess['environment'];
};

const restartSchema = z.strictObject({
  mode: z.enum(['soft', 'hard']).default('soft'),
  /** A kind, or the id of one daemon; none = every daemon of the channel. */
  daemon: z.string().max(200).optional(),
});

const NO_EVENTS = new EventLog();
const ASSETS = fileURLToPath(new URL('../assets', import.meta.url));

function callerHost(request: Request): string {
  return (
    /^(?:\[([^\]]+)\]|([^:]+))/
      .exec(request.get('host') ?? '')
      ?.slice(1)
      .find(Boolean) ?? 'localhost'
  );
}

function channels(bulkhead: Bulkhead | undefined, host: string): ChannelView[] {
  if (!bulkhead) return [];
  return channelViews({
    sources: bulkhead.registry.sources(),
    streams: [...bulkhead.streams.values()],
    daemons: bulkhead.daemons(),
    callerHost: host,
  });
}

async function restart(bulkhead: Bulkhead | undefined, channel: string, body: unknown): Promise<object> {
  const request = restartSchema.safeParse(body ?? {});
  if (!request.success) {
    throw new BulkheadError('invalid', 'Send {"mode": "soft" or "hard", "daemon": a kind such as "stream", or none}.');
  }
  const { mode, daemon } = request.data;
  const own = bulkhead?.daemons().filter((view) => view.channel === channel) ?? [];
  if (!bulkhead || own.length === 0) throw new BulkheadError('notFound', `There is no channel "${channel}".`);
  const chosen = own.filter((view) => daemon === undefined || view.kind === daemon || view.id === daemon);
  if (chosen.length === 0) throw new BulkheadError('notFound', `The channel "${channel}" has no daemon "${daemon}".`);
  const supervisor = await bulkhead.supervisor;
  const daemons = chosen.map(({ id, kind }) => ({ id, kind, generation: supervisor.restart(id, mode) }));
  return { generation: daemons[0]?.generation, daemons };
}

/** Registers the API once. Routes cannot be taken back: they find the runtime of the moment when they are called. */
export function registerApi(router: IRouter, options: ApiOptions): void {
  const { current, open, needsPermission, storedCredentials, environment } = options;
  const mayRead = needsPermission('bulkhead.read');
  const mayWrite = needsPermission('bulkhead.write');

  // A page without data: what it shows it asks the API for, with the token of whoever is logged in.
  router.get('/bulkhead', (request, response, next) => {
    if (request.path === '/bulkhead') response.redirect(`${request.baseUrl}/bulkhead/`);
    else next();
  });
  router.get('/bulkhead/', (_request, response) => response.sendFile('channels.html', { root: ASSETS }));
  router.get(
    '/bulkhead/health',
    handler('reporting health', (_request, response) => {
      const states = channels(current(), '').map(({ state }) => state);
      const live = states.filter((state) => state === 'live').length;
      response.json({ status: live === states.length ? 'ok' : 'degraded', channels: states.length, live });
    }),
  );
  router.get(
    '/bulkhead/api/channels',
    mayRead,
    handler('listing channels', (request, response) => {
      response.json(channels(current(), callerHost(request)));
    }),
  );
  router.post(
    '/bulkhead/api/channels/:id/restart',
    mayWrite,
    handler('restarting a channel', async (request, response) => {
      response.status(202).json(await restart(current(), String(request.params['id']), request.body));
    }),
  );
  router.get(
    '/bulkhead/api/events',
    mayRead,
    handler('listing events', (request, response) => {
      const log = current()?.events ?? NO_EVENTS;
      if (request.accepts(['json', 'text/event-stream']) === 'text/event-stream') streamEvents(log, request, response);
      else sendHistory(log, request, response);
    }),
  );
  router.post(
    '/bulkhead/api/probe',
    mayWrite,
    handler('testing a camera', async (request, response) => {
      const bulkhead = open();
      response.json(
        await probeCamera(request.body, {
          home: bulkhead.paths.home,
          storedCredentials,
          environment,
          probe: async (config) => (await bulkhead.supervisor).probe(config),
        }),
      );
    }),
  );
}
