import { dlopen, FFIType, ptr } from "bun:ffi";
import { messageOf } from "./error.ts";
import { log } from "./log.ts";

const LINUX_LIBRARY = "libc.so.6";
/** setrlimit(2): same number on Linux and macOS. */
const RLIMIT_CORE = 4;
/** struct rlimit: soft and hard limit, 64 bits each. */
const RLIMIT_BYTES = 16;
/** prctl(2) */
const PR_SET_DUMPABLE = 4;

/**
 * Keeps the memory of this process, in which keys and passwords lie, out of core files: by the limit, which its children
 * inherit, and on Linux also by the mark that keeps it from a program that collects cores, and from other processes of
 * the same user.
 */
export function forbidCoreDumps(): void {
  try {
    const isLinux = process.platform === "linux";
    const isLimited = limitCores(isLinux ? LINUX_LIBRARY : "libSystem.B.dylib");
    const isMarked = !isLinux || markUndumpable();
    if (!isLimited || !isMarked) log.debug("Core files are not wholly forbidden", { isLimited, isMarked });
  } catch (error) {
    log.debug("Core files cannot be forbidden", { reason: messageOf(error) });
  }
}

function limitCores(libraryName: string): boolean {
  const library = dlopen(libraryName, {
    setrlimit: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  });
  try {
    return library.symbols.setrlimit(RLIMIT_CORE, ptr(new Uint8Array(RLIMIT_BYTES))) === 0;
  } finally {
    library.close();
  }
}

function markUndumpable(): boolean {
  const library = dlopen(LINUX_LIBRARY, {
    prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  });
  try {
    return library.symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n) === 0;
  } finally {
    library.close();
  }
}
