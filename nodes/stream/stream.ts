/**
 * `bulkhead-stream`: serves the camera that is wired to it on a port of its own. A sink: nothing comes out.
 */
import { openStream, type StreamView } from '../../runtime/channel/stream.ts';
import { readSettings, streamSettings } from '../../runtime/config.ts';
import { toBulkheadError } from '../../runtime/errors.ts';
import { connect, openWithNode, pathOf, reporterOf, statusOf, type Reporter } from '../adapter.ts';
import type { NodeAPI, NodeConfig, RedNode } from '../red.ts';
import { streamStatus } from '../status.ts';

/** A camera that is away is the camera node's to report. */
function reportView({ daemon }: StreamView, report: Reporter): void {
  if (daemon?.state === 'ready') report.recovered();
  else if (daemon?.lastError && !daemon.starved && ['backoff', 'held', 'failed'].includes(daemon.state)) {
    report.failed(daemon.lastError.message);
  }
}

export default function stream(RED: NodeAPI): void {
  const open = connect(RED);

  function StreamNode(this: RedNode, config: NodeConfig): void {
    RED.nodes.createNode(this, config);
    const bulkhead = open();
    const status = statusOf(this);
    const report = reporterOf(this, bulkhead, () => ({ topic: `stream ${String(config['number'])}` }));

    const opened = openWithNode({
      node: this,
      bulkhead,
      report,
      status,
      open: () =>
        openStream(bulkhead, {
          path: pathOf(this),
          settings: readSettings(streamSettings, config),
          show: (view) => {
            status.show(streamStatus(view));
            reportView(view, report);
          },
          warn: (message) => this.warn(message),
        }),
    });

    this.on('input', (message, _send, done) => {
      try {
        // A stream that could not be opened has said so already.
        opened()?.receive(message);
        done();
      } catch (error) {
        done(toBulkheadError(error, 'taking over a camera'));
      }
    });
  }

  RED.nodes.registerType('bulkhead-stream', StreamNode);
}
