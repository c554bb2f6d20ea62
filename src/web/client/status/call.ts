/** The problem of a rejected request, from the API or, if the API did not respond, from this page. */
export interface CallProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly field?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export type Outcome<T> = { readonly value: T } | { readonly problem: CallProblem };

/** Calls the API with the session of the signed-in user. Never rejects. `path`: relative to `api/v1/`. */
export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  idempotencyKey?: string,
): Promise<Outcome<T>> {
  try {
    const response = await fetch(`api/v1/${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    if (response.ok) return { value: (response.status === 204 ? undefined : await response.json()) as T };
    const problem = (await response.json()) as CallProblem;
    return { problem: response.status === 401 ? signedOut : problem };
  } catch {
    return { problem: unreachable };
  }
}

const signedOut: CallProblem = {
  status: 401,
  code: 'unauthorised',
  detail: 'You are signed out. Sign in again in another tab, then try again. Your input is kept.',
};

const unreachable: CallProblem = {
  status: 0,
  code: 'unreachable',
  detail: 'The node does not respond. Try again in a moment. Your input is kept.',
};
