/**
 * Tests of real processes, sockets and browsers get a second chance on a machine that was busy with something else; what failed the first time is printed.
 * At once, not after the others: the tests of a file may share what the last of them ends. Pure code gets none: a property that fails once in a hundred runs has found something.
 */
if (
  /[\\/]test[\\/](e2e|fault|deploy|capture|stream|supervisor|server|nodes)[\\/]/.test(expect.getState().testPath ?? '')
) {
  jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });
}
