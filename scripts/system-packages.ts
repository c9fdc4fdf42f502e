/**
 * What the tests need from the system: a browser, a third-party RTSP server, and ffprobe as an independent judge of our bytes. Installs what
 * is missing through apt when it may; otherwise says exactly what is missing and how to get it. The product itself needs none of this.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

type Need = {
  readonly what: string;
  readonly packages: readonly string[];
  readonly present: () => boolean;
};

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

const IMPORT_RTSP_SERVER =
  "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";

const NEEDS: readonly Need[] = [
  {
    what: 'Chromium, to watch the player and to use the editor',
    packages: ['chromium'],
    present: () => existsSync(process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'),
  },
  {
    what: "GStreamer's RTSP server, as the third-party camera",
    packages: [
      'python3-gi',
      'gir1.2-gst-rtsp-server-1.0',
      'gstreamer1.0-rtsp',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
    ],
    present: () =>
      runs('/usr/bin/python3', ['-c', IMPORT_RTSP_SERVER]) &&
      ['h264parse', 'rtph264pay', 'qtdemux', 'appsrc'].every((element) => hasGstElement(element)),
  },
  {
    what: 'ffprobe and ffmpeg, to judge what we write and to make odd streams',
    packages: ['ffmpeg'],
    present: () => runs('ffprobe', ['-version']) && runs('ffmpeg', ['-version']),
  },
];

function hasGstElement(name: string): boolean {
  return runs('/usr/bin/python3', [
    '-c',
    `import gi; gi.require_version('Gst','1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('${name}')`,
  ]);
}

function apt(args: readonly string[]): boolean {
  const isRoot = process.getuid?.() === 0;
  const [command, prefix] = isRoot ? ['apt-get', []] : ['sudo', ['-n', 'apt-get']];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, [...prefix, ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}

/** Returns whether everything is there, after trying to install what was not. */
export function ensureSystemPackages(): boolean {
  const missing = NEEDS.filter((need) => !need.present());
  if (missing.length === 0) return true;
  const packages = missing.flatMap((need) => need.packages);
  if (existsSync('/usr/bin/apt-get')) {
    console.log(`Installing for the tests: ${packages.join(' ')}`);
    // The package list may be old; that matters only if the installation then fails.
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  }
  const stillMissing = missing.filter((need) => !need.present());
  for (const need of stillMissing) {
    console.error(`Missing: ${need.what}.\n  On Debian or Ubuntu: sudo apt-get install ${need.packages.join(' ')}`);
  }
  return stillMissing.length === 0;
}
