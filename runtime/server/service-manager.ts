/**
 * Speaks to systemd where it started us: that we are ready, that we stop, and at intervals that we are alive (sd_notify(3), sd_watchdog_enabled(3)).
 *
 * Belongs here: the protocol, which is one datagram of text to a local socket; Node has no such sockets, so it goes through libc. Does not belong here: when
 * we are ready (run.ts). Without systemd nothing is sent, and nothing that goes wrong here may end us.
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';

export type ServiceManager = {
  /** The flows run; `status` is what `systemctl status` shows. */
  readonly ready: (status: string) => void;
  readonly stopping: () => void;
  readonly close: () => void;
};

type Environment = Record<string, string | undefined>;

/** Reads what systemd left in the environment and takes it out, so that no process that we start speaks in our name. */
export function openServiceManager(environment: Environment, pid = process.pid): ServiceManager {
  const socket = environment['NOTIFY_SOCKET'];
  const watchdogMs = watchdogOf(environment, pid);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  const send = socket === undefined || process.platform !== 'linux' ? null : openSender(socket);
  if (send === null) return { ready: () => {}, stopping: () => {}, close: () => {} };

  // On the main loop: a supervisor that hangs is one that systemd has to replace. Its daemons go on meanwhile.
  const timer = watchdogMs === null ? undefined : setInterval(() => send('WATCHDOG=1'), watchdogMs / 2);
  timer?.unref();
  return {
    ready: (status) => send(`READY=1\nSTATUS=${status}`),
    stopping: () => send('STOPPING=1\nSTATUS=ending every daemon'),
    close: () => clearInterval(timer),
  };
}

/** How often systemd wants to hear from this process, in milliseconds; null = never. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | null {
  const intervalUs = Number(WATCHDOG_USEC);
  const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  return isForUs && Number.isSafeInteger(intervalUs) && intervalUs > 0 ? intervalUs / 1000 : null;
}

// <sys/socket.h> of Linux
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

function openSender(path: string): (text: string) => void {
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int, int, int)');
  const sendto = libc.func('long sendto(int, void *, size_t, int, void *, uint32_t)');
  const address = unixAddress(path);
  return (text) => {
    const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
    if (fd < 0) return;
    const bytes = Buffer.from(text);
    // What cannot be sent now is not waited for: the watchdog's next sign of life is on its way.
    sendto(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, address, address.length);
    closeSync(fd);
  };
}

/** struct sockaddr_un: the family, then the path. A leading `@` stands for the zero byte of an abstract name, which has no file and no end (unix(7)). */
function unixAddress(path: string): Buffer {
  const isAbstract = path.startsWith('@');
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
