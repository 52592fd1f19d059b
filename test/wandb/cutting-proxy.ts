import { connect, createServer, type Socket } from "node:net";

/**
 * A way to a server on which connections are cut: by turns in the middle of a request, and in the middle of the answer,
 * when the server has done what it was asked.
 */
export class CuttingProxy {
  /** Connections that are still to be cut. */
  cuts = 0;
  readonly #server = createServer((from) => this.#lead(from));
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  #url = "";

  private constructor(port: number) {
    this.#port = port;
  }

  /** @param port of the server on this machine */
  static async open(port: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    const address = proxy.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    proxy.#url = `http://127.0.0.1:${address.port}`;
    return proxy;
  }

  get url(): string {
    return this.#url;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #lead(from: Socket): void {
    const to = connect(this.#port, "127.0.0.1");
    const end = (): void => {
      from.destroy();
      to.destroy();
    };
    for (const socket of [from, to]) {
      this.#sockets.add(socket);
      // A cut connection is what this is for.
      socket.on("error", end).on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    from.on("data", (bytes: Buffer) => {
      if (this.cuts % 2 === 0 || this.cuts <= 0) return void to.write(bytes);
      this.cuts--;
      to.write(bytes.subarray(0, bytes.length >> 1));
      end();
    });
    to.on("data", (bytes: Buffer) => {
      if (this.cuts % 2 === 1 || this.cuts <= 0) return void from.write(bytes);
      this.cuts--;
      from.write(bytes.subarray(0, bytes.length >> 1));
      from.end();
      to.destroy();
    });
  }
}
