/**
 * Shared memory: a file mapped into this process. The only file that calls mmap, so that another way can take its place in an hour.
 *
 * Belongs here: reserving space, mapping, unmapping, for POSIX (libc) and Windows (kernel32), both through koffi. Does not belong here:
 * what the bytes mean. A region is mapped once and viewed once (each view counts as external memory in V8). On close the ArrayBuffer is
 * detached before the pages go, so that a view kept by mistake reads as empty instead of killing the process.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, statSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { BulkheadError, toBulkheadError } from '../errors.ts';

export type Access = 'read' | 'write';

/** A mapped file. After `close` every view of `buffer` has length 0. */
export type Region = {
  readonly buffer: ArrayBuffer;
  readonly sizeBytes: number;
  readonly access: Access;
  /** The file that is mapped, whatever stands at its path by now. */
  readonly file: FileIdentity;
  readonly close: () => void;
};

/** Which file, and how long it is: a path can come to mean another one, and a file can be cut short under a mapping. */
export type FileIdentity = { readonly device: bigint; readonly inode: bigint; readonly sizeBytes: bigint };

type Pointer = bigint;
type Mapper = {
  readonly map: (path: string, sizeBytes: number, access: Access) => { pointer: Pointer; file: FileIdentity };
  readonly unmap: (pointer: Pointer, sizeBytes: number) => void;
  /** Makes sure that every byte of an empty, open file has its page or block. Throws an error with `code`. */
  readonly reserve: (descriptor: number, sizeBytes: number) => void;
};

/**
 * Maps the first `sizeBytes` of an existing file, shared. Throws `notFound`; `corrupt` when the file is shorter than that (touching the
 * missing pages would be a SIGBUS); `exhausted` when the process is out of address space.
 */
export function mapShared(path: string, sizeBytes: number, access: Access): Region {
  const mapper = mapperOfThisPlatform();
  const { pointer, file } = mapper.map(path, sizeBytes, access);
  const buffer = koffi.view(pointer, sizeBytes);
  let open = true;
  return {
    buffer,
    sizeBytes,
    access,
    file,
    close: () => {
      if (!open) return;
      open = false;
      buffer.transfer(0); // detaches: from here on no view reaches the pages
      mapper.unmap(pointer, sizeBytes);
    },
  };
}

/**
 * Creates a file of `sizeBytes` zeros whose space is really there, readable by this user only. Throws `conflict` when the path exists,
 * `exhausted` with what is needed and what is free; then nothing is left behind.
 *
 * Without the reservation a full tmpfs shows itself as a SIGBUS in the middle of a record.
 */
export function createReserved(path: string, sizeBytes: number): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx+', 0o600);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new BulkheadError('conflict', `${path} exists already.`, { context: { path }, cause: thrown });
    }
    throw toBulkheadError(thrown, `creating ${path}`, { path });
  }
  try {
    mapperOfThisPlatform().reserve(descriptor, sizeBytes);
  } catch (thrown) {
    // closed and unlinked first: what was taken so far must not count as used in the message
    closeSync(descriptor);
    descriptor = -1;
    unlinkSync(path);
    throw reservationError(thrown, path, sizeBytes);
  } finally {
    if (descriptor !== -1) closeSync(descriptor);
  }
}

/** The file that stands at a path now, if there is one. */
export function fileAt(path: string): FileIdentity | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && identityOf(stat);
}

/** The file behind an open descriptor. */
export function fileOf(descriptor: number): FileIdentity {
  return identityOf(fstatSync(descriptor, { bigint: true }));
}

export function sameFile(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a !== undefined && a.device === b.device && a.inode === b.inode && a.sizeBytes === b.sizeBytes;
}

function identityOf(stat: { dev: bigint; ino: bigint; size: bigint }): FileIdentity {
  return { device: stat.dev, inode: stat.ino, sizeBytes: stat.size };
}

const SPACE_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'ENOMEM']);

function reservationError(thrown: unknown, path: string, sizeBytes: number): BulkheadError {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === undefined || !SPACE_CODES.has(code)) return toBulkheadError(thrown, `reserving ${path}`, { path });
  const folder = dirname(path);
  const { bavail, bsize } = statfsSync(folder, { bigint: true });
  return new BulkheadError(
    'exhausted',
    `Not enough shared memory: ${path} needs ${mebibytes(sizeBytes)}, ${mebibytes(Number(bavail * bsize))} are free in ${folder}. ` +
      'Make the ring smaller or the file system larger: docker run --shm-size=1g (or shm_size: 1g in a compose file), ' +
      'mount -o remount,size=2G /dev/shm on a host.',
    { context: { path, code }, cause: thrown },
  );
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

let chosen: Mapper | undefined;
function mapperOfThisPlatform(): Mapper {
  chosen ??= process.platform === 'win32' ? windowsMapper() : posixMapper();
  return chosen;
}

function systemError(errno: number, call: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno });
}

/** Opens, checks the length of the very file that will be mapped, and maps it with `map`. */
function withFile<T>(path: string, sizeBytes: number, access: Access, map: (descriptor: number) => T) {
  let descriptor: number;
  try {
    descriptor = openSync(path, access === 'write' ? 'r+' : 'r');
  } catch (thrown) {
    throw toBulkheadError(thrown, `opening ${path}`, { path });
  }
  try {
    const file = fileOf(descriptor);
    if (file.sizeBytes < BigInt(sizeBytes)) {
      throw new BulkheadError(
        'corrupt',
        `${path} has ${file.sizeBytes} bytes where ${sizeBytes} belong. Restart its writer.`,
        { context: { path } },
      );
    }
    return { mapped: map(descriptor), file };
  } finally {
    closeSync(descriptor);
  }
}

function writeZeros(descriptor: number, sizeBytes: number): void {
  const zeros = new Uint8Array(Math.min(sizeBytes, 1 << 20));
  for (let at = 0; at < sizeBytes;) at += writeSync(descriptor, zeros, 0, Math.min(zeros.length, sizeBytes - at), at);
}

// <sys/mman.h>: the same on Linux and macOS
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** (BigInt(koffi.sizeof('void *')) * 8n) - 1n;
// <errno.h>, which agree on Linux and macOS for EINTR; EOPNOTSUPP does not matter on macOS, which has no posix_fallocate
const EINTR = 4;
const EINVAL = 22;
const EOPNOTSUPP = 95;

function posixMapper(): Mapper {
  const libc = koffi.load(null);
  // On a 32-bit glibc the plain names take a 32-bit offset; elsewhere the two are one, or only the plain one exists.
  const find = (name: string, result: string, args: string[]) => {
    try {
      return libc.func(`${name}64`, result, args);
    } catch {
      return libc.func(name, result, args);
    }
  };
  const mmap = find('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']);
  const munmap = libc.func('munmap', 'int', ['void *', 'size_t']);
  // macOS has no posix_fallocate, and F_PREALLOCATE promises nothing on APFS: there the zeros are written out.
  const fallocate =
    process.platform === 'linux' ? find('posix_fallocate', 'int', ['int', 'int64_t', 'int64_t']) : undefined;
  return {
    map: (path, sizeBytes, access) => {
      const protection = access === 'write' ? PROT_READ | PROT_WRITE : PROT_READ;
      const { mapped, file } = withFile(path, sizeBytes, access, (descriptor) => {
        const pointer = mmap(null, sizeBytes, protection, MAP_SHARED, descriptor, 0) as Pointer;
        if (pointer === MAP_FAILED) {
          throw toBulkheadError(systemError(koffi.errno(), 'mmap'), `mapping ${path}`, { path });
        }
        return pointer;
      });
      return { pointer: mapped, file };
    },
    unmap: (pointer, sizeBytes) => {
      munmap(pointer, sizeBytes);
    },
    reserve: (descriptor, sizeBytes) => {
      if (fallocate === undefined) {
        writeZeros(descriptor, sizeBytes);
        return;
      }
      let errno = EINTR;
      // it returns the error instead of setting errno
      while (errno === EINTR) errno = fallocate(descriptor, 0, sizeBytes) as number;
      // musl does not emulate what a file system cannot do
      if (errno === EOPNOTSUPP || errno === EINVAL) writeZeros(descriptor, sizeBytes);
      else if (errno !== 0) throw systemError(errno, 'posix_fallocate');
    },
  };
}

// <winnt.h>, <fileapi.h>, <memoryapi.h>
const GENERIC_READ = 0x8000_0000;
const GENERIC_WRITE = 0x4000_0000;
const FILE_SHARE_ALL = 0x7; // read, write, delete: a ring can be replaced while it is mapped
const OPEN_EXISTING = 3;
const FILE_ATTRIBUTE_NORMAL = 0x80;
const INVALID_HANDLE = 2n ** 64n - 1n;
const PAGE_READONLY = 0x02;
const PAGE_READWRITE = 0x04;
const FILE_MAP_WRITE = 0x2;
const FILE_MAP_READ = 0x4;

function windowsMapper(): Mapper {
  const kernel32 = koffi.load('kernel32.dll');
  const createFile = kernel32.func('__stdcall', 'CreateFileW', 'void *', [
    'str16',
    'uint32_t',
    'uint32_t',
    'void *',
    'uint32_t',
    'uint32_t',
    'void *',
  ]);
  const createFileMapping = kernel32.func('__stdcall', 'CreateFileMappingW', 'void *', [
    'void *',
    'void *',
    'uint32_t',
    'uint32_t',
    'uint32_t',
    'str16',
  ]);
  const mapView = kernel32.func('__stdcall', 'MapViewOfFile', 'void *', [
    'void *',
    'uint32_t',
    'uint32_t',
    'uint32_t',
    'size_t',
  ]);
  const unmapView = kernel32.func('__stdcall', 'UnmapViewOfFile', 'int', ['void *']);
  const closeHandle = kernel32.func('__stdcall', 'CloseHandle', 'int', ['void *']);
  const getLastError = kernel32.func('__stdcall', 'GetLastError', 'uint32_t', []);
  const failed = (call: string, path: string): BulkheadError =>
    new BulkheadError('unavailable', `${call} refuses ${path}: Windows error ${getLastError()}.`, {
      context: { path },
    });

  return {
    map: (path, sizeBytes, access) => {
      const writable = access === 'write';
      // Node's descriptors are of its own C library; Windows wants a handle, so the file is opened a second time.
      const { mapped, file } = withFile(path, sizeBytes, access, () => {
        const desired = writable ? GENERIC_READ + GENERIC_WRITE : GENERIC_READ;
        const handle = createFile(
          path,
          desired,
          FILE_SHARE_ALL,
          null,
          OPEN_EXISTING,
          FILE_ATTRIBUTE_NORMAL,
          null,
        ) as Pointer;
        if (handle === INVALID_HANDLE) throw failed('CreateFile', path);
        try {
          const mapping = createFileMapping(
            handle,
            null,
            writable ? PAGE_READWRITE : PAGE_READONLY,
            0,
            0,
            null,
          ) as Pointer | null;
          if (!mapping) throw failed('CreateFileMapping', path);
          try {
            const pointer = mapView(
              mapping,
              writable ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ,
              0,
              0,
              sizeBytes,
            ) as Pointer | null;
            if (!pointer) throw failed('MapViewOfFile', path);
            return pointer;
          } finally {
            closeHandle(mapping); // the view keeps the mapping alive
          }
        } finally {
          closeHandle(handle);
        }
      });
      return { pointer: mapped, file };
    },
    unmap: (pointer) => {
      unmapView(pointer);
    },
    // NTFS gives a file that is not sparse its clusters when it grows
    reserve: (descriptor, sizeBytes) => ftruncateSync(descriptor, sizeBytes),
  };
}
