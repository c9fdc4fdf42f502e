/**
 * The bell: one suite for every way of hearing it, then what each way has of its own. Listeners get a safety poll of an hour, so that what they hear
 * they hear by the bell; only what is said of the safety poll itself uses the real one.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, type Bell, type Listener, listenBell, openBell } from '../../runtime/ring/bell.ts';
import { openSocketBell, socketPath } from '../../runtime/ring/bell-socket.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { KEY, cleanUp, firstLine, spawnScript, temporaryRing } from './rig.ts';

const HOUR_MS = 3_600_000;
const open: { close: () => void }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await cleanUp();
});

function keep<T extends { close: () => void }>(each: T): T {
  open.push(each);
  return each;
}

/** Counts, and lets a test wait until something was heard since it last asked. */
function ear(): { readonly heard: number; readonly onRing: () => void; readonly next: () => Promise<void> } {
  let heard = 0;
  let wake: (() => void) | undefined;
  return {
    get heard() {
      return heard;
    },
    onRing: () => {
      heard++;
      wake?.();
    },
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** Until the listener is connected, watches, or whatever its way asks for. */
async function settled(listener: Listener, ringPath: string): Promise<void> {
  if (listener.backend !== 'socket') return;
  const path = socketPath(ringPath)!;
  // a further connection that is answered: all before it were accepted
  for (;;) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(path, () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    await sleep(5);
    if (answered) return;
  }
}

/** Rings a while, and expects more calls than the safety poll alone can account for. */
async function expectHeard(bell: Bell, each: ReturnType<typeof ear>): Promise<void> {
  const before = each.heard;
  const begin = performance.now();
  for (let ring = 0; ring < 40; ring++) {
    bell.ring();
    await sleep(10);
  }
  expect(each.heard - before).toBeGreaterThan((performance.now() - begin) / 250 + 10);
}

const BACKENDS: readonly Backend[] = process.platform === 'linux' ? ['inotify', 'socket', 'poll'] : ['socket', 'poll'];

describe.each(BACKENDS)('by %s', (backend) => {
  const listen = (path: string, onRing: () => void): Listener =>
    keep(listenBell(path, onRing, { backends: [backend], safetyPollMs: HOUR_MS }));

  test('every listener hears a ring', async () => {
    const path = temporaryRing();
    const bell = keep(openBell(path));
    const ears = [ear(), ear(), ear()];
    for (const each of ears) {
      const listener = listen(path, each.onRing);
      expect(listener.backend).toBe(backend);
      await settled(listener, path);
    }
    const all = Promise.all(ears.map((each) => each.next()));
    bell.ring();
    await all;
  });

  test('no record is left to the safety poll, however close to the ring before it is written', async () => {
    const path = temporaryRing();
    const writer = keep(RingWriter.open({ path, slots: 1024, dataBytes: 1 << 20 }));
    const reader = keep(RingReader.open(path));
    const bell = keep(openBell(path));
    const each = ear();
    const listener = listen(path, () => {
      while (reader.read().type === 'record');
      each.onRing();
    });
    await settled(listener, path);
    for (let n = 0; n < 100; n++) {
      // the second ring falls into the 2 ms after the first, as often as the machine lets it
      for (let twice = 0; twice < 2; twice++) {
        const seq = writer.write(KEY, Buffer.from('x'));
        bell.ring();
        while (reader.next <= seq) await each.next();
      }
    }
  });

  test('a listener that was there before the writer hears it when it comes, and the one that comes after it', async () => {
    const path = temporaryRing();
    const each = ear();
    // the real safety poll: it is what finds a bell that is new
    const listener = keep(listenBell(path, each.onRing, { backends: [backend] }));
    expect(listener.backend).toBe(backend);
    for (let life = 0; life < 2; life++) {
      const bell = openBell(path);
      await sleep(600); // by now it has been found
      await expectHeard(bell, each);
      bell.close();
    }
  });

  test('after close nothing is heard any more', async () => {
    const path = temporaryRing();
    const bell = keep(openBell(path));
    const each = ear();
    const listener = listen(path, each.onRing);
    await settled(listener, path);
    const first = each.next();
    bell.ring();
    await first;
    listener.close();
    listener.close();
    const before = each.heard;
    for (let ring = 0; ring < 5; ring++) {
      bell.ring();
      await sleep(5);
    }
    expect(each.heard).toBe(before);
  });

  test('a ring in another process is heard', async () => {
    const path = temporaryRing();
    const ringer = spawnScript(
      `
      import { openBell } from '../../runtime/ring/bell.ts';
      const bell = openBell(process.argv[1]);
      process.stdin.on('data', () => bell.ring());
      setTimeout(() => console.log('ready'), 20);
      `,
      [path],
    );
    await firstLine(ringer);
    const each = ear();
    await settled(listen(path, each.onRing), path);
    const first = each.next();
    ringer.stdin!.write('!');
    await first;
  });
});

test('a writer rings at most once in two milliseconds, and once more at the end', async () => {
  const path = temporaryRing();
  const bell = keep(openBell(path));
  // the socket's bytes are the rings
  let bytes = 0;
  const socket = connect(socketPath(path)!);
  socket.on('data', (chunk) => (bytes += chunk.length));
  await new Promise((resolve) => socket.on('connect', resolve));
  await sleep(20);
  const begin = performance.now();
  let calls = 0;
  while (performance.now() - begin < 100) {
    bell.ring();
    calls++;
    if (calls % 50 === 0) await sleep(0);
  }
  const elapsedMs = performance.now() - begin;
  await sleep(50);
  expect(calls).toBeGreaterThan(200);
  expect(bytes).toBeGreaterThan(1);
  expect(bytes).toBeLessThanOrEqual(elapsedMs / 2 + 2);
  socket.destroy();
});

test('a listener looks four times a second although nobody rings', async () => {
  const each = ear();
  const backend = BACKENDS[0]!;
  keep(listenBell(temporaryRing(), each.onRing, { backends: [backend] }));
  await each.next();
  await each.next();
});

test('a ring that is pending when the bell is closed still rings', async () => {
  const path = temporaryRing();
  const bell = openBell(path);
  const each = ear();
  const backend = BACKENDS[0]!;
  const listener = keep(listenBell(path, each.onRing, { backends: [backend], safetyPollMs: HOUR_MS }));
  await settled(listener, path);
  const first = each.next();
  bell.ring();
  await first;
  const second = each.next();
  bell.ring();
  bell.ring();
  bell.close();
  bell.ring(); // nothing, and no error
  await second;
});

test('a listener that stops reading is dropped, not waited for', async () => {
  const path = temporaryRing();
  const hammer = keep(openSocketBell(path));
  const socket = connect(socketPath(path)!);
  await new Promise((resolve) => socket.on('connect', resolve));
  socket.on('error', () => undefined);
  await sleep(20);
  // what the kernel and the stream itself keep for a listener that takes nothing
  const more = 300_000;
  for (let ring = 0; ring < more; ring++) {
    hammer.strike();
    if (ring % 1000 === 0) await sleep(0);
  }
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length));
  await new Promise((resolve) => socket.on('close', resolve));
  expect(bytes).toBeLessThan(more);
});

test('a listener that is not connected looks by itself, and stops when it is', async () => {
  const path = temporaryRing();
  const each = ear();
  const listener = keep(listenBell(path, each.onRing, { backends: ['socket'], safetyPollMs: 50 }));
  await each.next();
  while (each.heard < 20) await each.next();
  const bell = openBell(path);
  await settled(listener, path);
  await sleep(300); // several dials
  const before = each.heard;
  const begin = performance.now();
  await sleep(500);
  // connected: the safety poll alone, every 50 ms and not every 5
  expect(each.heard - before).toBeLessThan((performance.now() - begin) / 20);
  bell.close();
  const alone = each.heard;
  const since = performance.now();
  await sleep(500);
  expect(each.heard - alone).toBeGreaterThan((performance.now() - since) / 50 + 5);
});

test('a path that is too long for a socket is polled', () => {
  const path = `/tmp/${'x'.repeat(100)}.ring`;
  expect(socketPath(path, 'linux')).toBeUndefined();
  expect(keep(listenBell(path, () => undefined, { backends: ['socket'] })).backend).toBe('poll');
  expect(socketPath(path, 'win32')).toMatch(/^\\\\\.\\pipe\\bulkhead-bell-[0-9a-f]{32}$/);
});

(process.platform === 'linux' ? test : test.skip)(
  'where the kernel has no inotify instance left, a listener hears by socket, and its bell does not fail',
  () => {
    const path = temporaryRing();
    const script = `
      import { listenBell, openBell } from '../../runtime/ring/bell.ts';
      const [path] = process.argv.slice(1);
      const bell = openBell(path);
      let rung = false;
      const listener = listenBell(path, () => {
        if (!rung) return;
        console.log(listener.backend);
        listener.close();
        bell.close();
        clearInterval(ringing);
      }, { safetyPollMs: 3600000 });
      const ringing = setInterval(() => { rung = true; bell.ring(); }, 100);
    `;
    // A user namespace has a limit of its own, so nobody else on this machine goes short.
    const result = spawnSync(
      'unshare',
      [
        '--user',
        '--map-root-user',
        'sh',
        '-c',
        'echo 0 > /proc/sys/user/max_inotify_instances || exit 77; exec "$0" "$@"',
      ].concat([process.execPath, '--input-type=module-typescript', '-e', script, '--', path]),
      { cwd: import.meta.dirname, encoding: 'utf8', timeout: 30_000 },
    );
    if (result.error !== undefined || result.status === 77 || /unshare: /.test(result.stderr)) return;
    expect({ ...result, stderr: result.stderr }).toMatchObject({ status: 0, stdout: 'socket\n', stderr: '' });
  },
);

test('a listener whose bell file is removed and made again hears the new one', async () => {
  if (process.platform !== 'linux') return;
  const path = temporaryRing();
  openBell(path).close();
  const each = ear();
  keep(listenBell(path, each.onRing, { backends: ['inotify'] }));
  await sleep(300);
  rmSync(`${path}.bell`);
  const bell = keep(openBell(path));
  await sleep(600);
  await expectHeard(bell, each);
});
