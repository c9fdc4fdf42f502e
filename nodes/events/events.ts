/**
 * `bulkhead-events`: what happens to cameras and daemons, as messages. None is lost over a deploy and none comes twice.
 */
import { eventsSettings, readSettings } from '../../runtime/config.ts';
import { connect, openWithNode, pathOf, reporterOf, statusOf } from '../adapter.ts';
import type { NodeAPI, NodeConfig, RedNode } from '../red.ts';

export default function events(RED: NodeAPI): void {
  const open = connect(RED);

  function EventsNode(this: RedNode, config: NodeConfig): void {
    RED.nodes.createNode(this, config);
    const bulkhead = open();

    openWithNode({
      node: this,
      bulkhead,
      report: reporterOf(this, bulkhead, () => ({ topic: 'events' })),
      status: statusOf(this),
      open: () => {
        const { types, channels } = readSettings(eventsSettings, config);
        const close = bulkhead.eventFeed.follow({
          path: pathOf(this),
          deliver: (event) => {
            if (types.length > 0 && !types.includes(event.type)) return;
            if (channels.length > 0 && !channels.includes(event.channel)) return;
            this.send({ topic: event.type, payload: structuredClone(event) });
          },
        });
        return { close };
      },
    });
  }

  RED.nodes.registerType('bulkhead-events', EventsNode);
}
