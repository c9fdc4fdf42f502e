/**
 * The one error class of the project, and how foreign errors become it.
 *
 * Belongs here: the kinds, the context that locates a fault, the text for people. Does not belong here: expected events
 * (lapped, end of stream, peer gone), which are values; and anything that reacts to an error.
 */

/**
 * What went wrong, in terms of what the receiver can do about it:
 * - `invalid`      the caller's input or configuration is wrong; trying again does not help
 * - `unavailable`  something outside does not answer (a camera, a port, a peer); trying again may help
 * - `unauthorised` the other side refuses our credentials
 * - `notFound`     what was named does not exist there
 * - `unsupported`  it exists and we cannot carry it
 * - `timeout`      no answer within the limit
 * - `exhausted`    out of space, memory, descriptors or ports
 * - `conflict`     somebody else holds it (a port, a writer lock, a channel number)
 * - `corrupt`      bytes that fail their own checks
 * - `version`      a peer or a file of another layout or protocol version
 * - `internal`     a defect of ours
 * The place in this list is also the code on a daemon's status page: new ones go to the end.
 */
export const ERROR_KINDS = [
  'invalid',
  'unavailable',
  'unauthorised',
  'notFound',
  'unsupported',
  'timeout',
  'exhausted',
  'conflict',
  'corrupt',
  'version',
  'internal',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** Where it went wrong. Every field is optional; none may hold a secret. */
export type ErrorContext = {
  readonly channel?: string;
  readonly daemon?: string;
  readonly pid?: number;
  readonly generation?: number;
  readonly sequence?: number;
  readonly offset?: number;
  readonly path?: string;
  readonly port?: number;
  readonly code?: string | number;
};

/** An error with a kind, a place and a message that says what to do next. */
export class BulkheadError extends Error {
  override readonly name = 'BulkheadError';
  readonly kind: ErrorKind;
  readonly context: ErrorContext;

  constructor(kind: ErrorKind, message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.context = options.context ?? {};
  }
}

const KIND_OF_CODE: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'notFound',
  EACCES: 'unauthorised',
  EPERM: 'unauthorised',
  EADDRINUSE: 'conflict',
  EADDRNOTAVAIL: 'invalid',
  ECONNREFUSED: 'unavailable',
  ECONNRESET: 'unavailable',
  EPIPE: 'unavailable',
  EHOSTUNREACH: 'unavailable',
  ENETUNREACH: 'unavailable',
  ENOTFOUND: 'unavailable',
  ETIMEDOUT: 'timeout',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  ENOMEM: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
};

/** Wraps anything thrown, so that callers only ever see `BulkheadError`. `doing` completes "while ...". */
export function toBulkheadError(thrown: unknown, doing: string, context: ErrorContext = {}): BulkheadError {
  if (thrown instanceof BulkheadError) return thrown;
  const code = (thrown as { code?: unknown } | null)?.code;
  const kind = typeof code === 'string' ? (KIND_OF_CODE[code] ?? 'internal') : 'internal';
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new BulkheadError(kind, `${text} (while ${doing})`, {
    context: typeof code === 'string' ? { ...context, code } : context,
    cause: thrown,
  });
}

/** Makes the compiler prove that a switch over a union is complete. */
export function assertNever(value: never): never {
  throw new BulkheadError('internal', `unexpected value ${JSON.stringify(value)}`);
}
