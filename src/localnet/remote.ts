import { Failure } from "../base/error.ts";
import { printable } from "../base/text.ts";

export type RemoteCode = "localnet.unreachable" | "localnet.refused-command" | "localnet.bad-endpoint";
const PATIENCE_MS = 5000;
/** Of the URL of connections that faults leave alone, so that whoever made a fault can take it away. */
export const CONTROL_PATH = "/control";

/**
 * Asks one thing of a running localnet.
 * @throws Failure `localnet.bad-endpoint`, `localnet.unreachable` where none listens, `localnet.refused-command` with what it says
 */
export const askLocalnet = (endpoint: string, method: string, ...params: unknown[]): Promise<unknown> =>
  askWithin(PATIENCE_MS, endpoint, method, ...params);

/** As `askLocalnet`, of what takes its time. */
export async function askWithin(
  patienceMs: number,
  endpoint: string,
  method: string,
  ...params: unknown[]
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    result?: unknown;
    error?: { message: string };
  }>();
  const url = URL.parse(CONTROL_PATH, endpoint);
  if (url === null || !/^wss?:$/.test(url.protocol))
    throw new Failure<RemoteCode>("localnet.bad-endpoint", {
      message: `--endpoint must be the websocket of a localnet, such as ws://127.0.0.1:9944, not "${printable(endpoint)}"`,
    });
  const unreachable = (): void =>
    reject(
      new Failure<RemoteCode>("localnet.unreachable", {
        message: `no localnet answers at ${endpoint}`,
        hint: "Start one with `openvalidator localnet`, or name it with --endpoint.",
      }),
    );
  const socket = new WebSocket(url);
  const timer = setTimeout(unreachable, patienceMs);
  socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
  socket.onerror = unreachable;
  socket.onclose = unreachable;
  try {
    const { result, error } = await promise;
    if (error) throw new Failure<RemoteCode>("localnet.refused-command", { message: error.message });
    return result;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}
