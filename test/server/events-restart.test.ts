/** Events over the death of the whole of Node-RED: what automation hears, in a flow and over HTTP. */
import path from 'node:path';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { cameraFlows, eventually, freePorts, Host } from '../support/host.ts';

let host: Host;

beforeAll(async () => {
  host = await Host.start();
  const [port] = await freePorts(1);
  await host.deploy([
    ...cameraFlows([{ channel: 'front', port: port!, camera: { source: 'test' } }]),
    { id: 'events', type: 'bulkhead-events', z: 'tab', x: 1, y: 1, types: [], channels: [], wires: [['json']] },
    { id: 'json', type: 'json', z: 'tab', x: 2, y: 2, property: 'payload', action: 'str', wires: [['file']] },
    {
      id: 'file',
      type: 'file',
      z: 'tab',
      x: 3,
      y: 3,
      filename: path.join(host.home, 'seen.jsonl'),
      filenameType: 'str',
      appendNewline: true,
      overwriteFile: 'false',
      encoding: 'utf8',
      wires: [[]],
    },
  ]);
  await host.live('front');
});
afterAll(async () => {
  await host?.remove();
});

const history = async (): Promise<BulkheadEvent[]> =>
  (await (await host.request('/bulkhead/api/events?limit=2000')).json()) as BulkheadEvent[];
const seen = (): number[] => host.readLines('seen.jsonl').map((line) => (JSON.parse(line) as BulkheadEvent).id);

test('history, a client that resumes and an events node go on after kill -9 as if nothing had been', async () => {
  const before = await history();
  const first = before.find(({ channel }) => channel === 'front')!.id;
  await eventually('the node has had everything', () => seen().at(-1) === before.at(-1)!.id);
  const stream = (await host.channel('front'))!.daemons.find(({ kind }) => kind === 'stream')!;

  expect(await host.stop('SIGKILL')).toBe('SIGKILL');
  process.kill(stream.pid!, 'SIGKILL');
  await host.run();
  await host.live('front');
  const respawned = await eventually('the stream is back', async () =>
    (await history()).find(({ type, daemon }) => type === 'daemon.respawned' && daemon.id === stream.id),
  );
  expect(respawned.detail['recoveryMs']).toEqual(expect.any(Number));

  const after = await history();
  expect(after.slice(0, before.length)).toEqual(before);
  const meanwhile = after.slice(before.length);
  expect(meanwhile.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['supervisor.started', 'daemon.exited', 'daemon.adopted', 'daemon.respawned']),
  );
  expect(meanwhile.find(({ type }) => type === 'daemon.exited')).toMatchObject({
    reason: 'crash',
    daemon: { id: stream.id, pid: stream.pid },
    detail: { unattended: true },
  });
  await eventually('the node has had everything', () => seen().at(-1) === after.at(-1)!.id);
  expect(seen().filter((id) => id >= first)).toEqual(after.map(({ id }) => id).filter((id) => id >= first));

  const answer = await host.request(`/bulkhead/api/events?lastEventId=${before.at(-1)!.id}`, {
    headers: { Accept: 'text/event-stream' },
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(`id: ${after.at(-1)!.id}\n`)) text += (await reader.read()).value;
  await reader.cancel();
  expect([...text.matchAll(/^id: (\d+)\ndata/gm)].map((match) => Number(match[1]))).toEqual(
    after.slice(before.length).map(({ id }) => id),
  );
});

test('metrics are for those who may read, and tell of the daemons that there are', async () => {
  expect((await fetch(`${host.url}/bulkhead/metrics`)).status).toBe(401);
  const answer = await host.request('/bulkhead/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  expect(text).toMatch(/^bulkhead_daemon_up\{channel="front",kind="capture",daemon="capture:front"\} 1$/m);
  expect(text).toMatch(/^bulkhead_camera_up\{channel="front"\} 1$/m);
  expect(text).toMatch(/^bulkhead_channel_state\{channel="front",state="live"\} 1$/m);
  expect(text).toMatch(/^bulkhead_daemon_cpu_seconds_total\{.*kind="stream".*\} [\d.]+$/m);
  expect(text).toMatch(/^bulkhead_recovery_seconds_count\{kind="stream"\} 1$/m);
});
