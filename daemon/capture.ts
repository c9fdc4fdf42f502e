/**
 * The capture daemon: connects to one camera and writes its packets to one ring. Never decodes the picture, never ends because the camera is away.
 */
import { startCapture } from './capture/start-capture.ts';
import { runDaemon } from './harness/run-daemon.ts';

runDaemon('capture', startCapture);
