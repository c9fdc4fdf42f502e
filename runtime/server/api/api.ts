/**
 * The HTTP API of Bulkhead, put onto whatever Express router it is given: Node-RED's admin router, in a palette and standalone alike.
 *
 * Everything but `/bulkhead/health` asks for a permission first; who has it is Node-RED's adminAuth. Does not belong here: what an answer is made of (beside
 * this file).
 */
import type { IRouter, Request, RequestHandler } from 'express';
import type { Bulkhead } from '../../bulkhead.ts';
import { commandChannel, readCommand } from '../../channel/commands.ts';
import { EventLog } from '../../event-log.ts';
import { channelViews, type ChannelView } from './channel-view.ts';
import { sendHistory, streamEvents } from './events-endpoint.ts';
import { exposition, EXPOSITION_TYPE } from './exposition.ts';
import { handler } from './http-error.ts';
import { metrics, metricsFacts } from './metrics.ts';
import { registerPanel } from './panel-page.ts';
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

const NO_EVENTS = new EventLog();

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

/** Registers the API once. Routes cannot be taken back: they find the runtime of the moment when they are called. */
export function registerApi(router: IRouter, options: ApiOptions): void {
  const { current, open, needsPermission, storedCredentials, environment } = options;
  const mayRead = needsPermission('bulkhead.read');
  const mayWrite = needsPermission('bulkhead.write');

  registerPanel(router);
  router.get(
    '/bulkhead/health',
    handler('reporting health', (_request, response) => {
      const states = channels(current(), '').map(({ state }) => state);
      const live = states.filter((state) => state === 'live').length;
      response.json({ status: live === states.length ? 'ok' : 'degraded', channels: states.length, live });
    }),
  );
  router.get(
    '/bulkhead/metrics',
    mayRead,
    handler('giving metrics', (_request, response) => {
      response.setHeader('Content-Type', EXPOSITION_TYPE);
      response.end(exposition(metrics(metricsFacts(current(), channels(current(), '')))));
    }),
  );
  router.get(
    '/bulkhead/api/channels',
    mayRead,
    handler('listing channels', (request, response) => {
      response.json(channels(current(), callerHost(request)));
    }),
  );
  // A page that offers what it may not do is a trap: this says beforehand whether the caller may write.
  router.get('/bulkhead/api/may-write', mayWrite, (_request, response) => void response.sendStatus(204));
  for (const command of ['restart', 'stop', 'start'] as const) {
    router.post(
      `/bulkhead/api/channels/:id/${command}`,
      mayWrite,
      handler(`giving a channel the command ${command}`, async (request, response) => {
        const asked = readCommand(command, request.body);
        response.status(202).json(await commandChannel(current(), String(request.params['id']), asked));
      }),
    );
  }
  router.get(
    '/bulkhead/api/events',
    mayRead,
    handler('listing events', async (request, response) => {
      // Until it is open the history is not known, and a client would take it for lost.
      await current()?.supervisor.catch(() => null);
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
