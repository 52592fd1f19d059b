import { unreachable } from "./failure.ts";
import { type HttpAccess, request } from "./http.ts";
import { readBounded } from "./whole.ts";

export interface PostOptions {
  headers?: Readonly<Record<string, string>>;
  /** `POST` when left out. */
  method?: "POST" | "PUT";
  signal?: AbortSignal | undefined;
  /** Of the whole request, its answer included. */
  timeoutMs: number;
  /** An answer that is longer is a failure. */
  maxAnswerBytes: number;
}

export interface PostAnswer {
  status: number;
  headers: Headers;
  /** The body, whole. */
  text: string;
}

/**
 * Sends a body and reads a bounded answer, whatever its status. A redirect is an answer like another: what was meant for
 * one server goes to no other.
 * @throws NetFailure when there is no whole answer in time; Failure `deadline.aborted` when the signal comes.
 */
export async function post(
  address: string,
  body: string | Uint8Array<ArrayBuffer>,
  { headers = {}, method, signal, timeoutMs, maxAnswerBytes }: PostOptions,
): Promise<PostAnswer> {
  const access: HttpAccess = {
    signal,
    timeoutMs,
    takesAnyAnswer: true,
    // The time of the whole is the only clock: a server may think as long as it lasts.
    stallTimeoutMs: 2 * timeoutMs,
    leastRate: { bytes: 0, windowMs: 2 * timeoutMs },
  };
  const upload = { method, body, headers };
  return await request(
    access,
    address,
    undefined,
    async (answer) => {
      const bytes = await readBounded(answer, maxAnswerBytes, unreachable);
      return { status: answer.status, headers: answer.headers, text: new TextDecoder().decode(bytes) };
    },
    upload,
  );
}
