/**
 * Handing open descriptors to a process that already runs (SCM_RIGHTS over a socket pair), and putting a descriptor at a number.
 *
 * Belongs here: the layouts of msghdr and cmsghdr on Linux and macOS, and nothing that knows what the descriptors are for (standby.ts does). Where
 * this cannot be done (Windows, 32-bit systems) there is no pair, and so no standby: that is the only seam.
 *
 *   one block, so that every address in it stays true as long as the block is referenced; both systems agree on these places when the upper
 *   halves of the lengths are zero, because what macOS keeps there is padding, and flags that are zero too
 *
 *   byte  0      8             16     24           32        40              48     56     64       72     80
 *         +------+-------------+------+------------+---------+---------------+------+------+--------+------+---------------------+
 *         | name | name length | iovec| iovec count| control | control length| flags| base | length | byte | control: cmsghdr    |
 *         +------+-------------+------+------------+---------+---------------+------+------+--------+------+---------------------+
 *           msghdr                                                                 iovec           data
 *   cmsghdr  Linux: length u64, level i32, type i32, then descriptors i32...     macOS: length u32, level i32, type i32, then the same
 */
import { closeSync } from 'node:fs';
import { endianness } from 'node:os';
import koffi from 'koffi';

export type DescriptorPair = { readonly ours: number; readonly theirs: number };

/** More are never sent at once. */
const MAX_DESCRIPTORS = 4;

/** Two connected sockets, both close-on-exec; undefined where descriptors cannot be handed on. The caller closes both. */
export function openDescriptorPair(): DescriptorPair | undefined {
  const libc = loadLibc();
  if (libc === undefined) return undefined;
  const pair = Buffer.alloc(8);
  if (libc.socketpair(AF_UNIX, SOCK_STREAM | libc.numbers.SOCK_CLOEXEC, 0, pair) !== 0) return undefined;
  const [ours, theirs] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  if (libc.numbers.SOCK_CLOEXEC === 0) for (const fd of [ours, theirs]) libc.closeOnExec(fd);
  return { ours, theirs };
}

/** Sends copies of `descriptors`; they are there as soon as this returns. False = the peer is gone, or the kernel refuses. */
export function sendDescriptors(channel: number, descriptors: readonly number[]): boolean {
  const libc = loadLibc();
  if (libc === undefined) return false;
  const { header } = libc.numbers;
  const lengthBytes = header + 4 * descriptors.length;
  // Without the padding of CMSG_SPACE: macOS refuses a control that is longer than what is in it.
  const message = new Message(lengthBytes);
  const { control } = message;
  if (header === 16) control.writeBigUInt64LE(BigInt(lengthBytes), 0);
  else control.writeUInt32LE(lengthBytes, 0);
  control.writeInt32LE(libc.numbers.SOL_SOCKET, header - 8);
  control.writeInt32LE(SCM_RIGHTS, header - 4);
  descriptors.forEach((fd, index) => control.writeInt32LE(fd, header + 4 * index));
  return Number(libc.sendmsg(channel, message.bytes, libc.numbers.MSG_DONTWAIT)) === 1;
}

/** Takes what was sent, close-on-exec, without waiting; undefined = nothing was. */
export function receiveDescriptors(channel: number): number[] | undefined {
  const libc = loadLibc();
  if (libc === undefined) return undefined;
  const { header, MSG_DONTWAIT, MSG_CMSG_CLOEXEC } = libc.numbers;
  const message = new Message(header + 4 * MAX_DESCRIPTORS);
  if (Number(libc.recvmsg(channel, message.bytes, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) !== 1) return undefined;
  const { control } = message;
  const lengthBytes = message.controlBytes === 0 ? 0 : control.readUInt32LE(0);
  if (lengthBytes < header || control.readInt32LE(header - 4) !== SCM_RIGHTS) return undefined;
  const descriptors = [];
  for (let at = header; at + 4 <= lengthBytes; at += 4) descriptors.push(control.readInt32LE(at));
  if (MSG_CMSG_CLOEXEC === 0) for (const fd of descriptors) libc.closeOnExec(fd);
  return descriptors;
}

/** Makes each of `places` what `from` is, whatever it was before, and closes `from`. Children inherit `places`. */
export function moveDescriptor(from: number, ...places: readonly number[]): void {
  const libc = loadLibc();
  if (libc === undefined || places.includes(from)) return;
  for (const place of places) libc.dup2(from, place);
  closeSync(from);
}

const CONTROL_AT = 80;
const DATA_AT = 72;

class Message {
  readonly bytes: Buffer;
  readonly control: Buffer;

  constructor(controlBytes: number) {
    this.bytes = Buffer.alloc(CONTROL_AT + controlBytes);
    this.control = this.bytes.subarray(CONTROL_AT);
    const address = koffi.address(this.bytes);
    this.bytes.writeBigUInt64LE(address + 56n, 16);
    this.bytes.writeBigUInt64LE(1n, 24);
    this.bytes.writeBigUInt64LE(address + BigInt(CONTROL_AT), 32);
    this.bytes.writeBigUInt64LE(BigInt(controlBytes), 40);
    this.bytes.writeBigUInt64LE(address + BigInt(DATA_AT), 56);
    this.bytes.writeBigUInt64LE(1n, 64);
  }

  /** As the kernel has left it. */
  get controlBytes(): number {
    return this.bytes.readUInt32LE(40);
  }
}

// <sys/socket.h>: what Linux and macOS agree on
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SCM_RIGHTS = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
// and what they do not
const NUMBERS = {
  linux: { SOL_SOCKET: 1, SOCK_CLOEXEC: 0o2000000, MSG_DONTWAIT: 0x40, MSG_CMSG_CLOEXEC: 0x4000_0000, header: 16 },
  darwin: { SOL_SOCKET: 0xffff, SOCK_CLOEXEC: 0, MSG_DONTWAIT: 0x80, MSG_CMSG_CLOEXEC: 0, header: 12 },
} as const;

type Libc = {
  readonly numbers: (typeof NUMBERS)[keyof typeof NUMBERS];
  readonly socketpair: (family: number, type: number, protocol: number, pair: Buffer) => number;
  readonly sendmsg: (fd: number, message: Buffer, flags: number) => number | bigint;
  readonly recvmsg: (fd: number, message: Buffer, flags: number) => number | bigint;
  readonly dup2: (from: number, to: number) => number;
  readonly closeOnExec: (fd: number) => void;
};

let loaded: Libc | undefined;
let tried = false;

/** Undefined where there is no such libc, koffi has no binary, or the layouts are not those above. */
function loadLibc(): Libc | undefined {
  if (tried) return loaded;
  tried = true;
  const numbers = process.platform === 'linux' || process.platform === 'darwin' ? NUMBERS[process.platform] : undefined;
  if (numbers === undefined || endianness() !== 'LE') return undefined;
  try {
    if (koffi.sizeof('void *') !== 8) return undefined;
    const libc = koffi.load(null);
    const fcntl = libc.func('int fcntl(int, int, ...)');
    loaded = {
      numbers,
      socketpair: libc.func('int socketpair(int, int, int, void *)') as Libc['socketpair'],
      sendmsg: libc.func('long sendmsg(int, void *, int)') as Libc['sendmsg'],
      recvmsg: libc.func('long recvmsg(int, void *, int)') as Libc['recvmsg'],
      dup2: libc.func('int dup2(int, int)') as Libc['dup2'],
      closeOnExec: (fd) => void fcntl(fd, F_SETFD, 'int', FD_CLOEXEC),
    };
  } catch {
    loaded = undefined;
  }
  return loaded;
}
