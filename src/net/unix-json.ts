import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { refused, unreachable } from "./failure.ts";

/** sun_path of unix(7) has 108 bytes, the last of them zero. */
const MAX_PATH_BYTES = 107;

/**
 * The name under which a unix socket can be bound or reached, also where its path is too long for that: then it goes
 * through a descriptor of its folder, which `close` gives back.
 * @throws what the system says of a folder that is not there
 */
export function socketName(path: string): { name: string; close(): void } {
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { name: path, close: () => {} };
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { name: `/proc/self/fd/${folder}/${basename(path)}`, close: () => closeSync(folder) };
}

/**
 * The JSON value that a program of this machine gives on its unix socket.
 * @throws NetFailure `net.unreachable` when nobody listens, or who does gives no answer in time; `net.refused` when the
 * answer is too long or no JSON.
 */
export async function fetchUnixJson(
  path: string,
  target: string,
  { timeoutMs, maxBytes }: { timeoutMs: number; maxBytes: number },
): Promise<unknown> {
  const late = AbortSignal.timeout(timeoutMs);
  let socket: ReturnType<typeof socketName> | undefined;
  const parts: Uint8Array[] = [];
  try {
    socket = socketName(path);
    const response = await fetch(`http://localhost${target}`, { unix: socket.name, signal: late });
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      parts.push(chunk);
    }
    if (bytes > maxBytes) throw refused(`${path} gives more than ${maxBytes} bytes`);
  } catch (error) {
    if (parts.length > 0 && !late.aborted) throw error;
    const why = late.aborted ? `does not answer within ${timeoutMs / 1000} s` : "has nobody who listens";
    throw unreachable(`${path} ${why}`, error);
  } finally {
    socket?.close();
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw refused(`${path} gives no JSON`);
  }
}
