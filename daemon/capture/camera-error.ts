/**
 * What is said to people when a camera cannot be had: one sentence each, which names the place and what to do, and never a credential.
 *
 * Belongs here: every reason that a source can fail for, its kind and its sentence. Does not belong here: finding out which reason it was
 * (av/ffmpeg-failure.ts, diagnose.ts).
 */
import { BulkheadError, assertNever, type ErrorKind } from '../../runtime/errors.ts';

/** Why a source failed, whichever library found out. */
export type CameraFailure =
  | { readonly type: 'unknownHost' }
  | { readonly type: 'refused' }
  | { readonly type: 'unreachable' }
  /** Took the connection and said nothing. */
  | { readonly type: 'silent'; readonly limitMs: number }
  /** Sent packets, then none, the connection still open. */
  | { readonly type: 'stalled'; readonly limitMs: number }
  /** Sends sound still, and no picture any more. */
  | { readonly type: 'pictureless'; readonly limitMs: number }
  | { readonly type: 'noKeyframe'; readonly limitMs: number }
  | { readonly type: 'credentialsMissing' }
  | { readonly type: 'credentialsWrong' }
  | { readonly type: 'forbidden' }
  | { readonly type: 'noSuchStream' }
  | { readonly type: 'serverError' }
  /** Answers, but in something else than `protocol`. */
  | { readonly type: 'foreign'; readonly protocol: string }
  | { readonly type: 'notMedia' }
  | { readonly type: 'closed' }
  | { readonly type: 'noVideo'; readonly offered: string }
  | { readonly type: 'unsupported'; readonly codec: string }
  | { readonly type: 'noSuchFile' }
  | { readonly type: 'unreadableFile' }
  /** Anything else; `text` is the library's own, without secrets. */
  | { readonly type: 'other'; readonly text: string };

/** The error for a failure. `place` is the address for people: host, port and path, or the path of a file. */
export function cameraError(failure: CameraFailure, place: string): BulkheadError {
  const [kind, message] = sentence(failure, place);
  return new BulkheadError(kind, message);
}

function sentence(failure: CameraFailure, place: string): [ErrorKind, string] {
  switch (failure.type) {
    case 'unknownHost':
      return ['unavailable', `The host of ${place} is not known: check the name in the address.`];
    case 'refused':
      return ['unavailable', `${place} refuses the connection: the camera is off, or it listens at another port.`];
    case 'unreachable':
      return ['unavailable', `There is no way to ${place}: check the network and the address.`];
    case 'silent':
      return ['timeout', `${place} did not answer within ${seconds(failure.limitMs)}.`];
    case 'stalled':
      return ['timeout', `${place} has sent nothing for ${seconds(failure.limitMs)}; it is being dialled again.`];
    case 'pictureless':
      return [
        'timeout',
        `${place} has sent sound and no picture for ${seconds(failure.limitMs)}; it is being dialled again.`,
      ];
    case 'noKeyframe':
      return [
        'unsupported',
        `${place} sends video, but no keyframe within ${seconds(failure.limitMs)}: set a keyframe interval in the camera.`,
      ];
    case 'credentialsMissing':
      return ['unauthorised', `${place} asks for a user name and a password, and none is given.`];
    case 'credentialsWrong':
      return ['unauthorised', `${place} does not accept this user name and password.`];
    case 'forbidden':
      return ['unauthorised', `${place} may not be seen by this user: check the user's rights in the camera.`];
    case 'noSuchStream':
      return ['notFound', `${place} does not exist: the camera answers, but has no stream at this path.`];
    case 'serverError':
      return ['unavailable', `${place} answers with an error of its own; it may have no connection to spare.`];
    case 'foreign':
      return ['invalid', `${place} answers, but not in ${failure.protocol}: check the port.`];
    case 'notMedia':
      return ['unsupported', `${place} gives nothing that can be read as video.`];
    case 'closed':
      return ['unavailable', `${place} has closed the connection.`];
    case 'noVideo':
      return ['unsupported', `${place} has no video${failure.offered === '' ? '' : `, only ${failure.offered}`}.`];
    case 'unsupported':
      return [
        'unsupported',
        `${place} sends ${failure.codec} video; only H.264 and H.265 can be carried. Set the camera to one of them.`,
      ];
    case 'noSuchFile':
      return ['notFound', `There is no file ${place}.`];
    case 'unreadableFile':
      return ['unauthorised', `${place} may not be read: check the file's rights.`];
    case 'other':
      return ['unavailable', `${place}: ${failure.text}.`];
    default:
      return assertNever(failure);
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
