/** What the exchange answers when something is not done (RFC 9457), and what came instead of an answer. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly field: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(`${code}: ${detail}`);
  }
}

/** No answer came: whether the request was done is not known. */
export class NoAnswer extends Error {
  constructor() {
    super('The exchange did not answer. Check the connection.');
  }
}

/** Whether what was asked for may have been done all the same. */
export const isUnknown = (error: unknown): boolean =>
  !(error instanceof Problem) || (error.status >= 500 && error.status !== 503);

/** What people are told of *error*. */
export function told(error: unknown): string {
  if (error instanceof Problem) {
    const text = error.detail.charAt(0).toUpperCase() + error.detail.slice(1);
    return error.retryAfterS === null ? text : `${text} (wait ${error.retryAfterS} s)`;
  }
  return error instanceof Error ? error.message : String(error);
}
