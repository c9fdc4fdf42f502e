/**
 * `bulkhead-control`: restarts, stops and starts cameras by message. What was done goes on as a message, what could not be done goes to Catch nodes.
 */
import { commandChannel } from '../../runtime/channel/commands.ts';
import { readControlMessage } from '../../runtime/channel/control-message.ts';
import { controlSettings, readSettings } from '../../runtime/config.ts';
import { BulkheadError, toBulkheadError } from '../../runtime/errors.ts';
import { connect, openWithNode, reporterOf, statusOf } from '../adapter.ts';
import type { Message, NodeAPI, NodeConfig, RedNode } from '../red.ts';
import { controlStatus, failureStatus } from '../status.ts';

export default function control(RED: NodeAPI): void {
  const open = connect(RED);

  function ControlNode(this: RedNode, config: NodeConfig): void {
    RED.nodes.createNode(this, config);
    const bulkhead = open();
    const status = statusOf(this);

    const opened = openWithNode({
      node: this,
      bulkhead,
      report: reporterOf(this, bulkhead, () => ({ topic: 'control' })),
      status,
      open: () => ({ settings: readSettings(controlSettings, config), close: () => {} }),
    });

    const carryOut = async (payload: unknown): Promise<object> => {
      const settings = opened()?.settings;
      if (!settings) throw new BulkheadError('invalid', 'The settings of this node are wrong. Open and correct it.');
      const { channel, command } = readControlMessage(payload, settings);
      const { daemons } = await commandChannel(bulkhead, channel, command);
      status.show(controlStatus(command.command, daemons.length));
      return { command: command.command, channel, daemons };
    };

    const receive = async (
      message: Message,
      send: (message: Message) => void,
      done: (error?: Error) => void,
    ): Promise<void> => {
      try {
        // Into the received message, as Node-RED asks for: whatever else it carries goes on with it.
        message['payload'] = await carryOut(message['payload']);
        send(message);
        done();
      } catch (thrown) {
        const error = toBulkheadError(thrown, 'carrying a command out');
        status.show(failureStatus(error.kind));
        done(error);
      }
    };

    this.on('input', (message, send, done) => void receive(message, send, done));
  }

  RED.nodes.registerType('bulkhead-control', ControlNode);
}
