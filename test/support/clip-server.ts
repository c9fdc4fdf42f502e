/**
 * An HTTP server that plays the part of cameras and stream servers: files with ranges, a live MPEG-TS, a live HLS playlist, Motion JPEG.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export type ClipServer = { readonly url: (path: string) => string; close(): Promise<void> };

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const USER = 'viewer';

/** `/<clip>`, `/locked/<clip>` (basic authentication with `password`), `/live.ts`, `/hls/live.m3u8`, `/mjpeg`, `/text`, `/500`. */
export async function startClipServer(password: string): Promise<ClipServer> {
  const expected = `Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}`;
  const startedMs = Date.now();
  const routes: Record<string, (response: ServerResponse) => void> = {
    '/text': (response) => response.end('hello world '.repeat(100)),
    '/500': (response) => response.writeHead(500).end(),
    '/mjpeg': sendMotionJpeg,
    '/live.ts': sendLiveTs,
    '/hls/live.m3u8': (response) =>
      response.end(livePlaylist(Math.floor((Date.now() - startedMs) / 1000 / SEGMENT_SECONDS))),
  };
  const server = createServer((request, response) => {
    const name = request.url ?? '/';
    if (routes[name]) return routes[name](response);
    const isLocked = name.startsWith('/locked/');
    if (isLocked && request.headers.authorization !== expected) {
      return response.writeHead(401, { 'www-authenticate': 'Basic realm="camera"' }).end();
    }
    return sendFile(
      request,
      response,
      path.join(CLIPS, path.basename(name).replace(/^segment\d+\.ts$/, 'changing.mpegts')),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.1:${port}${name}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const SEGMENT_SECONDS = 8;

/** Three segments at a time, moving on as time goes; every segment is the same clip, and says so. */
function livePlaylist(first: number): string {
  const segments = [0, 1, 2].map((i) => `#EXT-X-DISCONTINUITY\n#EXTINF:${SEGMENT_SECONDS},\nsegment${first + i}.ts`);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${SEGMENT_SECONDS}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ...segments,
    '',
  ].join('\n');
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: string): void {
  if (!existsSync(file)) return void response.writeHead(404).end();
  const bytes = readFileSync(file);
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
  if (!range) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  const first = Number(range[1]);
  const last = range[2] ? Number(range[2]) : bytes.length - 1;
  response.writeHead(206, {
    'content-range': `bytes ${first}-${last}/${bytes.length}`,
    'content-length': last - first + 1,
  });
  return void response.end(bytes.subarray(first, last + 1));
}

/** A clip as a live stream: a tenth of a second of it every tenth of a second. */
function sendLiveTs(response: ServerResponse): void {
  const bytes = readFileSync(path.join(CLIPS, 'changing.mpegts'));
  const step = Math.ceil(bytes.length / 80 / 188) * 188;
  let at = 0;
  response.writeHead(200, { 'content-type': 'video/mp2t' });
  const timer = setInterval(() => {
    response.write(bytes.subarray(at, at + step));
    at += step;
    if (at >= bytes.length) response.end();
  }, 100);
  response.on('close', () => clearInterval(timer));
}

function sendMotionJpeg(response: ServerResponse): void {
  const clip = readFileSync(path.join(CLIPS, 'mjpeg.mov'));
  const start = clip.indexOf(Buffer.from([0xff, 0xd8, 0xff]));
  const image = clip.subarray(start, clip.indexOf(Buffer.from([0xff, 0xd9]), start) + 2);
  response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=frame' });
  const timer = setInterval(() => {
    response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${image.length}\r\n\r\n`);
    response.write(image);
    response.write('\r\n');
  }, 50);
  response.on('close', () => clearInterval(timer));
}
