import { dlopen, FFIType, ptr } from "bun:ffi";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export interface Receiver {
  /** What NOTIFY_SOCKET is to be. */
  name: string;
  /** Takes the datagrams that are waiting. */
  take(): string[];
  /** Every line of every datagram so far, waiting ones included. */
  lines(): string[];
  /** Waits for a line that `test` likes. */
  until(test: RegExp, timeoutMs?: number): Promise<string>;
  close(): void;
}

/** A unix datagram socket as a service manager has it. @param name a path, or `@` and an abstract name */
export function startReceiver(name: string): Receiver {
  const { socket, bind, recv, close } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  }).symbols;
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = Buffer.from(`\u0001\0${name.replace(/^@/, "\0")}`);
  if (bind(fd, ptr(address), address.length) !== 0) throw new Error(`cannot bind ${name}`);
  const buffer = Buffer.alloc(65_536);
  const seen: string[] = [];
  const take = (): string[] => {
    const datagrams: string[] = [];
    for (;;) {
      const length = Number(recv(fd, ptr(buffer), BigInt(buffer.length), MSG_DONTWAIT));
      if (length < 0) break;
      datagrams.push(buffer.toString("utf8", 0, length));
    }
    seen.push(...datagrams.flatMap((text) => text.split("\n")));
    return datagrams;
  };
  const lines = (): string[] => {
    take();
    return seen;
  };
  return {
    name,
    take,
    lines,
    async until(test, timeoutMs = 30_000) {
      const endMs = Date.now() + timeoutMs;
      for (;;) {
        const found = lines().find((line) => test.test(line));
        if (found !== undefined) return found;
        if (Date.now() > endMs) throw new Error(`no ${test} among ${JSON.stringify(seen)}`);
        await Bun.sleep(20);
      }
    },
    close: () => void close(fd),
  };
}
