import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fetchUnixJson, socketName } from "../net/unix-json.ts";
import type { ToldMiner } from "./live/miner.ts";
import type { MinerBook } from "./live/miner-book.ts";
import { json, plain } from "./server.ts";
import type { MinerStatus, Status } from "./status.ts";

/** In the state folder: `openvalidator status` finds it by the settings that name the validator. */
export const STATUS_SOCKET = "status.sock";
const STATUS = "/status";
const MINERS = "/miners";
const MINER = /^\/miners\/(\d{1,5})$/;
const ANSWER_TIMEOUT_MS = 5_000;
/** 4096 miners with all their columns take less. */
const MAX_STATUS_BYTES = 32 << 20;
/** Nobody but the owner may connect. */
const UMASK = 0o177;

/** What programs of the same user may ask. */
export interface Told {
  status(): Status;
  /** Of every miner, and the last answers of one. */
  miners: Pick<MinerBook, "rows" | "miner">;
}

/**
 * Gives the status to programs of the same user, also where no port is open. The caller holds the lock of the folder, so
 * a socket that is already there is what a killed run left behind.
 * @param runtimeFolder of the unit of systemd, where whoever updates it finds a link to the socket
 * @throws Error of the system when it cannot be made
 */
export function openStatusSocket(
  directory: string,
  told: Told,
  runtimeFolder?: string,
): { close(): Promise<void> } {
  const path = join(directory, STATUS_SOCKET);
  const link = runtimeFolder === undefined ? undefined : join(runtimeFolder, STATUS_SOCKET);
  for (const old of [path, ...(link === undefined ? [] : [link])]) rmSync(old, { force: true });
  const { name, close } = socketName(path);
  const before = process.umask(UMASK);
  try {
    const server = Bun.serve({
      unix: name,
      development: false,
      maxRequestBodySize: 0,
      fetch: (request) => answer(told, request),
    });
    if (link !== undefined) symlinkSync(path, link);
    return {
      async close() {
        await server.stop(true);
        if (link !== undefined) rmSync(link, { force: true });
        rmSync(path, { force: true });
      },
    };
  } finally {
    process.umask(before);
    close();
  }
}

function answer({ status, miners }: Told, { method, url }: Request): Response {
  const { pathname } = new URL(url);
  const uid = MINER.exec(pathname)?.[1];
  if (method === "GET" && pathname === STATUS) return json(status());
  if (method === "GET" && pathname === MINERS) return json(miners.rows);
  if (method === "GET" && uid !== undefined) return json(miners.miner(Number(uid)));
  return plain(404, `GET ${STATUS}, ${MINERS} or ${MINERS}/<uid>`);
}

/** The status of the validator that works in a state folder. @throws NetFailure as fetchUnixJson() */
export async function readStatus(directory: string): Promise<Status> {
  return (await read(directory, STATUS)) as Status;
}

/** Every miner of the validator that works in a state folder, by uid. @throws NetFailure as fetchUnixJson() */
export async function readMiners(directory: string): Promise<MinerStatus[]> {
  return (await read(directory, MINERS)) as MinerStatus[];
}

/** The last answers of one of them. @throws NetFailure as fetchUnixJson() */
export async function readMiner(directory: string, uid: number): Promise<ToldMiner> {
  return (await read(directory, `${MINERS}/${uid}`)) as ToldMiner;
}

function read(directory: string, target: string): Promise<unknown> {
  return fetchUnixJson(join(directory, STATUS_SOCKET), target, {
    timeoutMs: ANSWER_TIMEOUT_MS,
    maxBytes: MAX_STATUS_BYTES,
  });
}
