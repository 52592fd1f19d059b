import { dlopen, FFIType, ptr } from "bun:ffi";

/** sys/socket.h of Linux, on every architecture that this program is built for. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** sun_path of unix(7). */
const MAX_NAME_BYTES = 108;
const FAMILY_BYTES = 2;

/** A datagram socket to the service manager; neither Node's nor Bun's own sockets know unix datagrams. */
export interface NotifySocket {
  /** False when the datagram did not go, for example because the other side's queue is full. Never waits. */
  send(text: string): boolean;
  close(): void;
}

/**
 * Opens a socket for what `$NOTIFY_SOCKET` names: a path, or `@` and an abstract name (sd_notify(3)).
 * @throws Error when the name is none of these, or the C library gives no socket
 */
export function openNotifySocket(name: string): NotifySocket {
  const address = addressOf(name);
  const library = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const { socket, sendto, close } = library.symbols;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error("the system gives no unix datagram socket");
  let isOpen = true;
  return {
    send(text) {
      if (!isOpen) return false;
      const bytes = Buffer.from(text, "utf8");
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const sent = sendto(fd, ptr(bytes), BigInt(bytes.length), flags, ptr(address), address.length);
      return Number(sent) === bytes.length;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      close(fd);
      library.close();
    },
  };
}

/** struct sockaddr_un, as long as its name needs: the rest of an abstract name would be part of it. */
function addressOf(name: string): Buffer {
  const bytes = Buffer.from(name, "utf8");
  const isAbstract = name.startsWith("@");
  if (!isAbstract && !name.startsWith("/"))
    throw new Error("NOTIFY_SOCKET is neither a path nor an abstract name");
  // A path ends with a zero byte.
  const room = MAX_NAME_BYTES - (isAbstract ? 0 : 1);
  if (bytes.length < 2 || bytes.length > room || bytes.includes(0))
    throw new Error("NOTIFY_SOCKET is too short, too long or holds a zero byte");
  const address = Buffer.alloc(FAMILY_BYTES + bytes.length + (isAbstract ? 0 : 1));
  // sa_family_t is in the order of the machine, and all targets of this program are little-endian.
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, FAMILY_BYTES);
  if (isAbstract) address[FAMILY_BYTES] = 0;
  return address;
}
