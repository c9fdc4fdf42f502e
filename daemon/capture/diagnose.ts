/**
 * Asks once more, in plain TCP, what is at the other end, after FFmpeg has said no more than "invalid data".
 *
 * FFmpeg gives the same code for a host that says nothing, one that closes at once, and one that speaks another protocol, but a person needs to
 * know which. It costs the camera one more connection, and only when dialling has failed already.
 */
import { connect } from 'node:net';
import type { Address } from './address.ts';
import type { CameraFailure } from './camera-error.ts';

/** A question that every RTSP server answers at once, with or without credentials. */
const QUESTION = 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Bulkhead\r\n\r\n';
const ANSWER = 'RTSP/';

/** What a failed RTSP dial was really about. Resolves within `patienceMs`; `dialledMs` is how long FFmpeg was allowed to wait. */
export function diagnoseRtsp(address: Address, dialledMs: number, patienceMs: number): Promise<CameraFailure> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ host: address.host.replace(/^\[|\]$/g, ''), port: address.port });
    const done = (failure: CameraFailure): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    const silent: CameraFailure = { type: 'silent', limitMs: dialledMs };
    const foreign: CameraFailure = { type: 'foreign', protocol: 'RTSP' };
    const timer = setTimeout(() => done(heard === '' ? silent : foreign), patienceMs);
    socket.on('connect', () => socket.write(QUESTION));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (heard.length < ANSWER.length) return;
      done(heard.startsWith(ANSWER) ? { type: 'notMedia' } : foreign);
    });
    socket.on('end', () => done(heard === '' ? { type: 'closed' } : foreign));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') done({ type: 'refused' });
      else if (error.code === 'EHOSTUNREACH' || error.code === 'ENETUNREACH') done({ type: 'unreachable' });
      else done(heard === '' ? { type: 'closed' } : foreign);
    });
  });
}
