import { rmSync } from "node:fs";
import { join } from "node:path";
import { fetchUnixJson, socketName } from "../net/unix-json.ts";
import { json, plain } from "./server.ts";
import type { Status } from "./status.ts";

/** In the state folder: `openvalidator status` finds it by the settings that name the validator. */
export const STATUS_SOCKET = "status.sock";
const TARGET = "/status";
const ANSWER_TIMEOUT_MS = 5_000;
/** 4096 miners with all their columns take less. */
const MAX_STATUS_BYTES = 32 << 20;
/** Nobody but the owner may connect. */
const UMASK = 0o177;

/**
 * Gives the status to programs of the same user, also where no port is open. The caller holds the lock of the folder, so
 * a socket that is already there is what a killed run left behind.
 * @throws Error of the system when it cannot be made
 */
export function openStatusSocket(directory: string, status: () => Status): { close(): Promise<void> } {
  const path = join(directory, STATUS_SOCKET);
  rmSync(path, { force: true });
  const { name, close } = socketName(path);
  const before = process.umask(UMASK);
  try {
    const server = Bun.serve({
      unix: name,
      development: false,
      maxRequestBodySize: 0,
      fetch: (request) =>
        request.method === "GET" && new URL(request.url).pathname === TARGET
          ? json(status())
          : plain(404, `GET ${TARGET}`),
    });
    return {
      async close() {
        await server.stop(true);
        rmSync(path, { force: true });
      },
    };
  } finally {
    process.umask(before);
    close();
  }
}

/** The status of the validator that works in a state folder. @throws NetFailure as fetchUnixJson() */
export async function readStatus(directory: string): Promise<Status> {
  const limits = { timeoutMs: ANSWER_TIMEOUT_MS, maxBytes: MAX_STATUS_BYTES };
  return (await fetchUnixJson(join(directory, STATUS_SOCKET), TARGET, limits)) as Status;
}
