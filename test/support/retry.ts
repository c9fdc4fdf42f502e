/**
 * Tests of real processes, sockets and browsers get a second chance on a machine that was busy with something else; what failed the first time is printed.
 * Pure code gets none: a property that fails once in a hundred runs has found something.
 */
if (/[\\/]test[\\/](e2e|deploy|capture|stream|supervisor|server|nodes)[\\/]/.test(expect.getState().testPath ?? '')) {
  jest.retryTimes(1, { logErrorsBeforeRetry: true });
}
