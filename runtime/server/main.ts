#!/usr/bin/env node
/**
 * The `bulkhead` command. It checks the version of Node first and loads the rest only then, so that an old Node says what is wrong with it and not
 * which line it cannot parse.
 */
const OLDEST = [22, 18] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `bulkhead needs Node.js ${OLDEST.join('.')} or newer; this is ${process.versions.node}. Get a current one from https://nodejs.org.\n`,
  );
  process.exit(1);
}

import('./run.ts').then(
  ({ run }) => run(process.argv.slice(2)),
  (error: unknown) => {
    process.stderr.write(`bulkhead could not be loaded: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
