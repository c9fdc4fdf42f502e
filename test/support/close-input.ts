/**
 * A process that reads an RTSP camera, closes it, and is gone in the same moment: what has not left it by then never will.
 */
import { AvInput } from '../../daemon/capture/av/av-input.ts';

const input = new AvInput({
  url: () => process.argv[2]!,
  options: { rtsp_transport: 'tcp', timeout: '5000000' },
  openLimitMs: 5000,
  readLimitMs: () => 5000,
});
if (await input.open()) throw new Error('the camera could not be opened');
for (let i = 0; i < 5; i++) await input.read();
await input.close();
process.kill(process.pid, 'SIGKILL');
