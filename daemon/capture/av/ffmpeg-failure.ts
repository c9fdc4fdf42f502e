/**
 * FFmpeg's error numbers in our terms. FFmpeg's texts are not shown to people: some mislead ("Invalid data" for a host that says nothing).
 *
 * Does not belong here: sentences (camera-error.ts), and what needs another question to the camera (diagnose.ts).
 */
import { constants as os } from 'node:os';
import {
  AVERROR_EOF,
  AVERROR_EXIT,
  AVERROR_HTTP_FORBIDDEN,
  AVERROR_HTTP_NOT_FOUND,
  AVERROR_HTTP_SERVER_ERROR,
  AVERROR_HTTP_UNAUTHORIZED,
  AVERROR_INVALIDDATA,
} from 'node-av/constants';
import { FFmpegError } from 'node-av/lib';
import type { CameraFailure } from '../camera-error.ts';
import type { InputFailure } from './packet-input.ts';

const { errno } = os;

/** While dialling: `ambiguous` = the number does not say what happened. */
export function dialFailure(
  failure: InputFailure,
  hasCredentials: boolean,
): CameraFailure | { readonly type: 'ambiguous' } {
  if (failure.timedOut) return { type: 'ambiguous' };
  switch (failure.code) {
    case AVERROR_HTTP_UNAUTHORIZED:
      return { type: hasCredentials ? 'credentialsWrong' : 'credentialsMissing' };
    case AVERROR_HTTP_FORBIDDEN:
      return { type: 'forbidden' };
    case AVERROR_HTTP_NOT_FOUND:
      return { type: 'noSuchStream' };
    case AVERROR_HTTP_SERVER_ERROR:
      return { type: 'serverError' };
    case -errno.ECONNREFUSED:
      return { type: 'refused' };
    case -errno.EHOSTUNREACH:
    case -errno.ENETUNREACH:
      return { type: 'unreachable' };
    case -errno.ENOENT:
      return { type: 'noSuchFile' };
    case -errno.EACCES:
    case -errno.EPERM:
      return { type: 'unreadableFile' };
    case -errno.EIO:
    case -errno.ETIMEDOUT:
    case AVERROR_INVALIDDATA:
    case AVERROR_EOF:
    case AVERROR_EXIT:
      return { type: 'ambiguous' };
    case -errno.ECONNRESET:
    case -errno.EPIPE:
      return { type: 'closed' };
    default:
      return { type: 'other', text: FFmpegError.strerror(failure.code) };
  }
}

/** What an unclear number means where nobody can be asked again. */
export function unclearFailure(failure: InputFailure, protocol: string, limitMs: number): CameraFailure {
  if (failure.timedOut || failure.code === -errno.ETIMEDOUT) return { type: 'silent', limitMs };
  return failure.code === AVERROR_INVALIDDATA ? { type: 'notMedia' } : { type: 'foreign', protocol };
}

/** While packets were being read. */
export function readFailure(failure: InputFailure): CameraFailure {
  if (failure.timedOut || failure.code === -errno.ETIMEDOUT) return { type: 'stalled', limitMs: failure.afterMs };
  if (failure.code === AVERROR_EOF || failure.code === -errno.ECONNRESET || failure.code === -errno.EPIPE)
    return { type: 'closed' };
  return { type: 'other', text: FFmpegError.strerror(failure.code) };
}
