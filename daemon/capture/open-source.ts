/**
 * Makes the source that a configuration asks for: which address, which options, which patience, which pace.
 *
 * One function a kind of source. Does not belong here: reading, and connecting again. Where FFmpeg cannot be loaded as a library, this is the
 * place that chooses the other implementation of `MediaSource`.
 */
import { lookup } from 'node:dns/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../runtime/clock.ts';
import { assertNever } from '../../runtime/errors.ts';
import type { SourceConfig } from '../../runtime/message/config.ts';
import { dialString, parseAddress, secretForms, type Address } from './address.ts';
import { after } from './after.ts';
import { AvInput } from './av/av-input.ts';
import { AvSource } from './av/av-source.ts';
import { dialFailure, unclearFailure } from './av/ffmpeg-failure.ts';
import { PacedInput } from './av/paced-input.ts';
import type { CameraFailure } from './camera-error.ts';
import { diagnoseRtsp } from './diagnose.ts';
import type { MediaSource } from './media-source.ts';

export type SourceLimits = {
  /** From dialling to the answer. */
  readonly connectTimeoutMs: number;
  /** Between two packets. */
  readonly stallTimeoutMs: number;
  /** For asking the other side once more after an unclear failure. */
  readonly diagnosisMs: number;
};

export type SourceTools = SourceLimits & {
  readonly clock: Clock;
  readonly onSoundLost: () => void;
};

/** What can be opened, again and again. */
export type SourceFactory = {
  /** The address for people. */
  readonly place: string;
  /** What must not appear in anybody's text. */
  readonly secrets: readonly string[];
  readonly make: () => MediaSource;
};

const TEST_CLIP = fileURLToPath(new URL('./assets/test-camera.mp4', import.meta.url));
const TEST_CLIP_US = 60_000_000;
/** HLS brings packets by the segment: a pause of a segment's length is its ordinary way. */
const HLS_STALL_MS = 30_000;
/** Containers that say when a picture is to be decoded; all others leave FFmpeg to guess. */
const EXACT_DTS = /^(mov|mpegts|hls|flv|asf)/;

/** Checks the configuration. Throws `invalid`; nothing is dialled yet. */
export function sourceFactory(config: SourceConfig, tools: SourceTools): SourceFactory {
  switch (config.type) {
    case 'rtsp':
      return rtspFactory(parseAddress(config.url, ['rtsp', 'rtsps'], config), config.transport, tools);
    case 'http':
      return httpFactory(parseAddress(config.url, ['http', 'https'], config), tools);
    case 'file':
      return fileFactory(resolve(config.path), tools);
    case 'test':
      return testFactory(tools);
    default:
      return assertNever(config);
  }
}

function rtspFactory(address: Address, transport: 'tcp' | 'udp', tools: SourceTools): SourceFactory {
  const options = {
    rtsp_transport: transport,
    ...fallbackTimeout(tools),
    user_agent: 'Bulkhead',
    // A camera's answer must not send us to files or other protocols.
    protocol_whitelist: 'rtsp,rtsps,rtp,srtp,udp,tcp,tls',
  };
  dialString(address); // refuses credentials that RTSP cannot carry, before anything starts
  return {
    place: address.place,
    secrets: secretForms(address),
    make: () =>
      new AvSource({
        input: new AvInput({
          url: () => dialString(address),
          options,
          openLimitMs: tools.connectTimeoutMs,
          readLimitMs: () => tools.stallTimeoutMs,
        }),
        place: address.place,
        prepare: () => findHost(address, tools.connectTimeoutMs),
        explain: async (failure) => {
          const known = dialFailure(failure, address.username !== undefined);
          if (known.type !== 'ambiguous') return known;
          // Inside TLS there is nothing to ask in plain text.
          if (address.scheme === 'rtsps') return unclearFailure(failure, 'RTSP over TLS', tools.connectTimeoutMs);
          return diagnoseRtsp(address, tools.connectTimeoutMs, tools.diagnosisMs);
        },
        trustsDts: () => false,
        onSoundLost: tools.onSoundLost,
      }),
  };
}

function httpFactory(address: Address, tools: SourceTools): SourceFactory {
  const openRound = (): AvInput =>
    new AvInput({
      url: () => dialString(address),
      options: { ...fallbackTimeout(tools), user_agent: 'Bulkhead', protocol_whitelist: 'http,https,tcp,tls,crypto' },
      openLimitMs: tools.connectTimeoutMs,
      readLimitMs: (format) => (format === 'hls' ? Math.max(HLS_STALL_MS, tools.stallTimeoutMs) : tools.stallTimeoutMs),
    });
  return {
    place: address.place,
    secrets: secretForms(address),
    make: () =>
      new AvSource({
        input: new PacedInput({
          openRound,
          isPaced: (format) => /^(mov|hls|matroska)/.test(format),
          loops: (format) => /^(mov|matroska)/.test(format),
          needsProbe: (input) => !input.streams().some((stream) => stream.kind === 'video'),
        }),
        place: address.place,
        prepare: () => findHost(address, tools.connectTimeoutMs),
        explain: (failure) => {
          const known = dialFailure(failure, address.username !== undefined);
          return known.type === 'ambiguous' ? unclearFailure(failure, 'HTTP', tools.connectTimeoutMs) : known;
        },
        trustsDts: (format) => EXACT_DTS.test(format),
        onSoundLost: tools.onSoundLost,
      }),
  };
}

function fileFactory(path: string, tools: SourceTools, positionUs?: () => number): SourceFactory {
  const openRound = (): AvInput =>
    new AvInput({
      url: () => `file:${path}`,
      // A playlist that somebody calls a clip must not make us fetch things from the network.
      options: { protocol_whitelist: 'file' },
      openLimitMs: tools.connectTimeoutMs,
      readLimitMs: () => tools.stallTimeoutMs,
    });
  return {
    place: path,
    secrets: [],
    make: () =>
      new AvSource({
        input: new PacedInput({
          openRound,
          isPaced: () => true,
          loops: () => true,
          // Elementary streams have no timestamps before FFmpeg has looked at some of them.
          needsProbe: (input) => /^(h264|hevc)$/.test(input.formatName()),
          ...(positionUs ? { positionUs } : {}),
        }),
        place: path,
        explain: (failure) => {
          const known = dialFailure(failure, false);
          return known.type === 'ambiguous' ? { type: 'notMedia' } : known;
        },
        trustsDts: (format) => EXACT_DTS.test(format) || /^(h264|hevc)$/.test(format),
        onSoundLost: tools.onSoundLost,
      }),
  };
}

/** A minute of film whose clock shows the second that it is: played from where the wall clock stands. */
function testFactory(tools: SourceTools): SourceFactory {
  const positionUs = (): number => (tools.clock.wallMs() * 1000) % TEST_CLIP_US;
  return { ...fileFactory(TEST_CLIP, tools, positionUs), place: 'the test camera' };
}

/** FFmpeg's own timeout (microseconds) stands behind our timers: it must not be the first to act, since its errors say less. */
function fallbackTimeout(tools: SourceTools): { timeout: string } {
  return { timeout: String((Math.max(tools.connectTimeoutMs, tools.stallTimeoutMs) + 2000) * 1000) };
}

/** Looks the name up first: FFmpeg reports an unknown host as an input/output error, and its look-up cannot be interrupted. */
async function findHost(address: Address, limitMs: number): Promise<CameraFailure | undefined> {
  const name = address.host.replace(/^\[|\]$/g, '');
  const found = lookup(name).then(
    () => undefined,
    (): CameraFailure => ({ type: 'unknownHost' }),
  );
  return Promise.race([found, after(limitMs).then((): CameraFailure => ({ type: 'unknownHost' }))]);
}
