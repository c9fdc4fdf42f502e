/**
 * The stream daemon: serves one channel on one TCP port from the ring of its camera. It loads no FFmpeg.
 */
import { startStream } from './stream/start.ts';
import { runDaemon } from './harness/run-daemon.ts';

runDaemon('stream', startStream);
