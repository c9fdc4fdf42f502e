/**
 * `bulkhead-camera`: one camera as a source. Its output carries a handle, never pictures; a capture daemon does the work.
 */
import { openCamera } from '../../runtime/channel/camera.ts';
import { cameraSource, type Device } from '../../runtime/channel/camera-source.ts';
import { cameraSettings, readSettings, type CameraSettings } from '../../runtime/config.ts';
import { BulkheadError } from '../../runtime/errors.ts';
import type { DaemonView } from '../../runtime/supervisor/view.ts';
import { connect, openWithNode, pathOf, reporterOf, statusOf, type Reporter } from '../adapter.ts';
import type { DeviceNode } from '../device/device.ts';
import type { NodeAPI, NodeConfig, RedNode } from '../red.ts';
import { cameraStatus } from '../status.ts';

function readDevice(RED: NodeAPI, settings: CameraSettings): Device | undefined {
  if (settings.device === '' || settings.source === 'test' || settings.source === 'file') return undefined;
  const node = RED.nodes.getNode(settings.device) as DeviceNode | null;
  if (node) return node.readDevice();
  throw new BulkheadError('notFound', 'The device of this camera is gone or disabled. Choose another one.');
}

/** What the capture daemon cannot do is told once; that it tries again is not news. */
function reportView(view: DaemonView, report: Reporter): void {
  if (view.camera?.state === 'online') report.recovered();
  else if (view.camera?.state === 'offline' && view.camera.message !== null) report.failed(view.camera.message);
  else if (view.state === 'held' || view.state === 'failed' || view.state === 'backoff') {
    if (view.lastError) report.failed(view.lastError.message);
  }
}

export default function camera(RED: NodeAPI): void {
  const open = connect(RED);

  function CameraNode(this: RedNode, config: NodeConfig): void {
    RED.nodes.createNode(this, config);
    const bulkhead = open();
    const status = statusOf(this);
    const report = reporterOf(this, bulkhead, () => ({ topic: config['channel'] }));

    openWithNode({
      node: this,
      bulkhead,
      report,
      status,
      open: () => {
        const settings = readSettings(cameraSettings, config);
        const { source, passwordInUrl } = cameraSource(
          settings,
          this.credentials ?? {},
          readDevice(RED, settings),
          bulkhead.paths.home,
        );
        if (passwordInUrl) {
          this.warn(
            'The URL of this camera holds a password that everybody who sees the flow can read. Open the node and press Done: it moves to where passwords belong.',
          );
        }
        return openCamera(bulkhead, {
          path: pathOf(this),
          settings,
          source,
          send: (message) => this.send(message),
          show: (view) => {
            status.show(cameraStatus(view));
            reportView(view, report);
          },
        });
      },
    });
  }

  RED.nodes.registerType('bulkhead-camera', CameraNode, {
    credentials: { username: { type: 'text' }, password: { type: 'password' } },
  });
}
