/**
 * What an integrator's camera sends is what a viewer's port delivers: every kind of stream that the third-party server has, through the whole product.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startCamera, type Camera } from '../support/camera.ts';
import { cameraFlows, freePorts, Host } from '../support/host.ts';

type Expected = { readonly codec: string; readonly width: number; readonly fps: number; readonly audio: string | null };

const MOUNTS: Readonly<Record<string, Expected>> = {
  main: { codec: 'h264', width: 640, fps: 25, audio: 'aac' },
  sub: { codec: 'h264', width: 320, fps: 15, audio: null },
  longgop: { codec: 'h264', width: 320, fps: 25, audio: null },
  bframes: { codec: 'h264', width: 320, fps: 25, audio: null },
  h265: { codec: 'hevc', width: 320, fps: 25, audio: null },
  g711: { codec: 'h264', width: 320, fps: 15, audio: 'aac' },
};
const names = Object.keys(MOUNTS);

let camera: Camera;
let host: Host;
let ports: number[];

beforeAll(async () => {
  camera = await startCamera();
  host = await Host.start();
  ports = await freePorts(names.length);
  await host.deploy(
    cameraFlows(
      names.map((channel, index) => ({
        channel,
        port: ports[index]!,
        camera: { source: 'rtsp', url: camera.url(channel) },
      })),
    ),
  );
  await host.live(...names);
});
afterAll(async () => {
  await host?.remove();
  await camera?.stop();
});

type Stream = {
  codec_type: string;
  codec_name: string;
  width?: number;
  avg_frame_rate: string;
};

/** What ffprobe finds in four seconds of a URL. */
async function probe(url: string): Promise<Stream[]> {
  const { stdout } = await promisify(execFile)(
    'ffprobe',
    ['-v', 'error', '-of', 'json', '-show_streams', '-analyzeduration', '4M', '-read_intervals', '%+4', url],
    { timeout: 50_000 },
  );
  return (JSON.parse(stdout) as { streams: Stream[] }).streams;
}

test.each(names)('/%s arrives with its codec, size and rate', async (name) => {
  const expected = MOUNTS[name]!;
  const streams = await probe(`http://127.0.0.1:${ports[names.indexOf(name)]}/stream.mp4`);
  const video = streams.find((stream) => stream.codec_type === 'video');
  const audio = streams.find((stream) => stream.codec_type === 'audio');
  expect(video).toMatchObject({ codec_name: expected.codec, width: expected.width });
  const [frames = 0, seconds = 1] = video!.avg_frame_rate.split('/').map(Number);
  expect(frames / seconds).toBeCloseTo(expected.fps, 0);
  expect(audio?.codec_name ?? null).toBe(expected.audio);
});

test('the API describes each channel as it is', async () => {
  for (const channel of await host.channels()) {
    const expected = MOUNTS[channel.id]!;
    expect(channel.media).toMatchObject({
      codec: expected.codec === 'hevc' ? 'h265' : expected.codec,
      width: expected.width,
    });
    expect(channel.media!.fps).toBeCloseTo(expected.fps, 0);
    expect(channel.media!.audio?.codec ?? null).toBe(expected.audio);
  }
});
