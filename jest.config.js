// Real processes and sockets: one worker less than the machine has cores would starve what is under test, so two at most.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'commonjs', importInterop: 'node' },
      },
    ],
  },
  maxWorkers: 2,
  testTimeout: 60_000,
};
