/**
 * `bulkhead-device`: a camera's address and login, shared by the nodes that use the same device. It opens nothing itself.
 */
import type { Device } from '../../runtime/channel/camera-source.ts';
import { deviceSettings, readSettings } from '../../runtime/config.ts';
import type { NodeAPI, NodeConfig, RedNode } from '../red.ts';

/** A device as other nodes find it. */
export type DeviceNode = RedNode & {
  /** Throws `invalid` when the settings are wrong: whoever uses the device shows that. */
  readDevice: () => Device;
};

export default function device(RED: NodeAPI): void {
  function DeviceNode(this: DeviceNode, config: NodeConfig): void {
    RED.nodes.createNode(this, config);
    this.readDevice = () => ({
      settings: readSettings(deviceSettings, config),
      credentials: this.credentials ?? {},
    });
  }

  RED.nodes.registerType('bulkhead-device', DeviceNode, {
    credentials: { username: { type: 'text' }, password: { type: 'password' } },
  });
}
