/**
 * How the API says no: a status by the kind of the error, and the sentence that says what to do next.
 */
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { toBulkheadError, type BulkheadError, type ErrorKind } from '../../errors.ts';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthorised: 403,
  notFound: 404,
  conflict: 409,
  unsupported: 422,
  exhausted: 503,
  unavailable: 503,
  timeout: 504,
  corrupt: 500,
  version: 500,
  internal: 500,
};

export function sendError(response: Response, error: BulkheadError): void {
  response.status(STATUS[error.kind]).json({ error: { kind: error.kind, message: error.message } });
}

/** An Express handler out of one that may throw or reject. `doing` completes "while ...". */
export function handler(
  doing: string,
  handle: (request: Request, response: Response) => void | Promise<void>,
): RequestHandler {
  return (request: Request, response: Response, _next: NextFunction) => {
    const fail = (error: unknown): void => {
      if (response.headersSent) response.destroy();
      else sendError(response, toBulkheadError(error, doing));
    };
    Promise.resolve()
      .then(() => handle(request, response))
      .catch(fail);
  };
}
