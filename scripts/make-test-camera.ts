/**
 * Draws daemon/capture/assets/test-camera.mp4, the picture of the built-in test camera: a ship with lit bulkhead compartments on a calm sea, and a
 * clock that shows the second of the minute. A minute long and seamless: the daemon plays it from where the wall clock stands.
 *
 * The result is kept in the repository; run this again only to change the picture. Needs ffmpeg with libx264, and Chromium
 * (`CHROMIUM=/usr/bin/chromium`) as the drawing board.  node scripts/make-test-camera.ts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { chromium } from 'playwright-core';

const WIDTH = 640;
const HEIGHT = 360;
const FPS = 15;
const SECONDS = 60;
const OUT = path.resolve(import.meta.dirname, '../daemon/capture/assets/test-camera.mp4');

const browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium' });
const page = await browser.newPage();
await page.addScriptTag({ path: path.resolve(import.meta.dirname, 'test-camera-drawing.js') });
await page.evaluate(`globalThis.frameAt = drawing(${WIDTH}, ${HEIGHT})`);

// 32 kHz: a minute is a whole number of AAC frames. A soft tick each second, a little higher at the full minute.
const tick = 'aevalsrc=0.12*sin(2*PI*(880+440*lt(t\\,1))*t)*exp(-60*mod(t\\,1)):s=32000';
const ffmpegOptions = `-y -hide_banner -loglevel error -f image2pipe -framerate ${FPS} -i - -f lavfi -i ${tick}:d=${SECONDS} -map 0:v -map 1:a
  -fflags +bitexact -c:v libx264 -preset veryslow -profile:v main -bf 0 -g ${2 * FPS} -sc_threshold 0 -pix_fmt yuv420p
  -colorspace bt709 -color_primaries bt709 -color_trc bt709 -vf scale=out_color_matrix=bt709:out_range=tv
  -b:v 150k -maxrate 300k -bufsize 600k -flags:v +bitexact -c:a aac -b:a 20k -ac 1 -flags:a +bitexact -movflags +faststart`;
const ffmpeg = spawn('ffmpeg', [...ffmpegOptions.split(/\s+/), OUT], { stdio: ['pipe', 'inherit', 'inherit'] });
for (let frame = 0; frame < FPS * SECONDS; frame++) {
  const png = await page.evaluate<string>(`frameAt(${frame / FPS})`);
  if (!ffmpeg.stdin.write(Buffer.from(png.slice(png.indexOf(',') + 1), 'base64'))) await once(ffmpeg.stdin, 'drain');
}
ffmpeg.stdin.end();
await browser.close();
const [code] = (await once(ffmpeg, 'exit')) as [number];
process.exit(code);
