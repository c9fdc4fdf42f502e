import { testDeploys } from './matrix.ts';

jest.setTimeout(120_000);
testDeploys('5');
