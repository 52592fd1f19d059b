import { createServer, type Server, type Socket } from "node:net";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";

/**
 * Miners that answer with bytes of their own, below HTTP libraries. Run as a program (`bun miners-attacks.ts NAME
 * COUNT`) it serves one attack on COUNT ports of loopback and prints them as JSON, so that a test can measure the
 * memory of the asking side alone.
 */
export type RawAnswer = (socket: Socket) => void;

const MIB = 1_048_576;
const BOMB_BYTES = 256 * MIB;
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/** An answer whose length is right. */
export function answer(body: string | Uint8Array, head = ""): RawAnswer {
  const bytes = Buffer.from(body);
  return (socket) => {
    socket.write(`${HEAD}${head}Content-Length: ${bytes.length}\r\n\r\n`);
    socket.end(bytes);
  };
}

/** These bytes and then the end of the connection. */
export function bytes(text: string | Uint8Array): RawAnswer {
  return (socket) => socket.end(text);
}

/** Writes the same block until the other side has gone. */
export function endless(start: string, block: string | Uint8Array): RawAnswer {
  return (socket) => {
    socket.write(start);
    const push = (): void => {
      while (!socket.destroyed) if (!socket.write(block)) return void socket.once("drain", push);
    };
    push();
  };
}

/** Writes `piece` again and again with a pause. */
export function drip(start: string, piece: string): RawAnswer {
  return (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.write(piece), 50);
    socket.on("close", () => clearInterval(timer));
  };
}

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
const gzipBomb = once(() => gzipSync(Buffer.alloc(BOMB_BYTES)));
const brotliBomb = once(() =>
  brotliCompressSync(Buffer.alloc(BOMB_BYTES), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
);
const zstdBomb = once(() => zstdCompressSync(Buffer.alloc(BOMB_BYTES)));
const manyHeaders = once(
  () => `HTTP/1.1 200 OK\r\n${Array.from({ length: 100_000 }, (_, i) => `X-${i}: b\r\n`).join("")}\r\n`,
);
const manyKeys = once(() => `{${Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":0`).join(",")}}`);
const endlessChunks = once(() => `10000\r\n${"a".repeat(0x10000)}\r\n`);

/** Attacks that aim at memory. */
export const HEAVY: Record<string, RawAnswer> = {
  gzip: (socket) => answer(gzipBomb(), "Content-Encoding: gzip\r\n")(socket),
  brotli: (socket) => answer(brotliBomb(), "Content-Encoding: br\r\n")(socket),
  zstd: (socket) => answer(zstdBomb(), "Content-Encoding: zstd\r\n")(socket),
  "endless body": (socket) => endless(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, endlessChunks())(socket),
  "endless header": (socket) => endless("HTTP/1.1 200 OK\r\nX-Long: ", "a".repeat(65_536))(socket),
  "a hundred thousand headers": (socket) => bytes(manyHeaders())(socket),
  "one million keys": (socket) => answer(manyKeys())(socket),
  "empty arrays": (socket) => answer(`{"completion":[${"[],".repeat(340_000)}[]]}`)(socket),
  "nesting of a million": (socket) => answer(`${"[".repeat(500_000)}${"]".repeat(500_000)}`)(socket),
  "a number of one MiB": (socket) => answer(`{"completion":${"9".repeat(MIB - 20)}}`)(socket),
  "a completion of one MiB": (socket) => answer(`{"completion":"${"a".repeat(MIB - 20)}"}`)(socket),
  "endless interim answers": (socket) => endless("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000))(socket),
};

export interface RawMiner {
  port: number;
  /** Connections that were opened, and the most at one time. */
  opened: number;
  most: number;
  close(): Promise<void>;
}

/** Listens on a free port of loopback and answers each connection once the head and body of a request have come. */
export function listen(react: RawAnswer): Promise<RawMiner> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    miner.opened++;
    miner.most = Math.max(miner.most, sockets.size);
    socket.on("close", () => sockets.delete(socket));
    // The other side hangs up in the middle of every attack; that is the point.
    socket.on("error", () => socket.destroy());
    socket.once("data", () => react(socket));
  });
  const miner: RawMiner = {
    port: 0,
    opened: 0,
    most: 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      miner.port = typeof address === "object" && address !== null ? address.port : 0;
      resolve(miner);
    });
  });
}

if (import.meta.main) {
  const [name = "", count = "1"] = process.argv.slice(2);
  const miners = await Promise.all(Array.from({ length: Number(count) }, () => listen(HEAVY[name]!)));
  process.stdout.write(`${JSON.stringify(miners.map((miner) => miner.port))}\n`);
}
