/**
 * The probe daemon: opens a source once, reports what it is or why not, and ends.
 */
import { startProbe } from './capture/start-probe.ts';
import { runDaemon } from './harness/run-daemon.ts';

runDaemon('probe', startProbe);
