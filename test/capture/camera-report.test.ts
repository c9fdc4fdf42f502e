import pino from 'pino';
import { cameraError } from '../../daemon/capture/camera-error.ts';
import { CameraReport } from '../../daemon/capture/camera-report.ts';
import { Losses } from '../../daemon/capture/losses.ts';
import { FrameRate } from '../../daemon/capture/frame-rate.ts';
import type { DaemonReport } from '../../runtime/message/schema.ts';
import type { StreamTable } from '../../runtime/media/track.ts';

const TABLE: StreamTable = {
  tracks: [
    {
      kind: 'video',
      id: 1,
      codec: 'h264',
      codecString: 'avc1.4d401e',
      width: 640,
      height: 360,
      fps: 0,
      timescale: 90_000,
      config: new Uint8Array([1]),
    },
  ],
  leftOut: ['A second picture (H.264) is left out: a channel has one.'],
};
const REFUSED = cameraError({ type: 'refused' }, 'camera/main');
const LOCKED = cameraError({ type: 'credentialsMissing' }, 'camera/main');

function report(): { report: CameraReport; sent: DaemonReport[]; lines: { level: number; msg: string }[] } {
  const sent: DaemonReport[] = [];
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return {
    report: new CameraReport({ log, send: (m) => sent.push(m), setError: () => {}, place: 'camera/main' }),
    sent,
    lines,
  };
}

const events = (sent: readonly DaemonReport[]): string[] => sent.flatMap((m) => (m.type === 'event' ? [m.event] : []));
const states = (sent: readonly DaemonReport[]): string[] => sent.flatMap((m) => (m.type === 'camera' ? [m.state] : []));

test('a camera that stays away is one line in the log, however often it is dialled', () => {
  const { report: one, sent, lines } = report();
  for (let i = 0; i < 50; i++) {
    one.connecting();
    one.offline(REFUSED, 1000);
  }
  expect(lines).toHaveLength(1);
  expect(sent.filter((m) => m.type === 'camera' && m.state === 'offline')).toHaveLength(50);
});

test('another reason is another line', () => {
  const { report: one, sent, lines } = report();
  one.offline(REFUSED, 1000);
  one.offline(LOCKED, 2000);
  expect(lines.map(({ msg }) => msg)).toEqual([REFUSED.message, LOCKED.message]);
  expect(sent.at(-1)).toMatchObject({ type: 'camera', errorKind: 'unauthorised' });
});

test('the reason stays on view while the camera is being dialled, and goes when it is back', () => {
  const { report: one, sent } = report();
  one.offline(REFUSED, 1000);
  one.connecting();
  expect(sent.at(-1)).toMatchObject({ state: 'connecting', message: REFUSED.message });
  one.online();
  expect(sent.find((m) => m.type === 'camera' && m.state === 'online')).toMatchObject({
    message: null,
    errorKind: null,
  });
  one.offline(LOCKED, 1000);
  expect(states(sent)).toEqual(['offline', 'connecting', 'online', 'offline']);
  expect(events(sent)).toEqual([]);
});

test('what is left out is said once as an event, and stands in the description', () => {
  const { report: one, sent } = report();
  one.table(TABLE);
  one.table(TABLE);
  expect(events(sent)).toEqual(['camera.limited']);
  expect(sent.filter((m) => m.type === 'media')).toEqual([
    { type: 'media', media: expect.objectContaining({ width: 640, leftOut: TABLE.leftOut }) },
  ]);
});

test('the measured frame rate is told when it differs from what is known', () => {
  const { report: one, sent } = report();
  one.table(TABLE);
  one.fps(12.5);
  one.table(TABLE);
  const rates = sent.flatMap((m) => (m.type === 'media' ? [m.media?.fps] : []));
  expect(rates).toEqual([null, 12.5]);
});

test('a frame rate is measured from timestamps, and a change of a tenth is worth telling', () => {
  const rate = new FrameRate(90_000);
  const told: number[] = [];
  const play = (frames: number, fps: number, from: number): number => {
    for (let i = 0; i < frames; i++) if (rate.count(from + (i * 90_000) / fps, false)) told.push(rate.fps);
    return from + (frames * 90_000) / fps;
  };
  let at = play(200, 25, 0);
  at = play(100, 24.5, at);
  at = play(100, 12.5, at);
  play(10, 12.5, at + 900_000);
  expect(told[0]).toBe(25);
  expect(told.at(-1)).toBeLessThan(13);
  expect(told).not.toContain(24.5);
});

test('losses are counted and reported once a second, all kinds together', () => {
  const reports: unknown[] = [];
  const due: (() => void)[] = [];
  const clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    every: () => () => {},
    after: (_delayMs: number, run: () => void) => {
      due.push(run);
      return () => {};
    },
  };
  const losses = new Losses(clock, (counts) => reports.push(counts));
  for (let i = 0; i < 500; i++) losses.add('network', 2);
  losses.add('corrupt');
  expect(due).toHaveLength(1);
  due[0]!();
  losses.flush();
  expect(reports).toEqual([{ network: 1000, corrupt: 1 }]);
  losses.add('sound');
  expect(due).toHaveLength(2);
});
