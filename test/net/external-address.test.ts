import { afterAll, describe, expect, test } from "bun:test";
import { findExternalIp } from "../../src/net/external-address.ts";

const answers: Record<string, () => Response | Promise<Response>> = {
  "/good": () => new Response("198.51.100.7\n"),
  "/six": () => new Response("2001:db8::1"),
  "/page": () => new Response("<html>198.51.100.7</html>"),
  "/long": () => new Response("1".repeat(100_000)),
  "/silent": () => new Promise<Response>(() => {}),
  "/down": () => new Response("198.51.100.7", { status: 503 }),
  "/moved": () => Response.redirect("/good", 302),
};
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => answers[new URL(request.url).pathname]!(),
});
const at = (path: string): string => `http://127.0.0.1:${server.port}${path}`;
afterAll(() => server.stop(true));

const running = new AbortController().signal;

describe("the external address", () => {
  test("is what the first service says that gives one", async () => {
    expect(await findExternalIp(running, [at("/good")])).toBe("198.51.100.7");
    expect(
      await findExternalIp(running, [at("/page"), at("/long"), at("/down"), at("/moved"), at("/six")]),
    ).toBe("2001:db8::1");
  });

  test("is not waited for when the signal comes", async () => {
    const stop = new AbortController();
    const asked = findExternalIp(stop.signal, [at("/silent"), at("/good")]);
    stop.abort();
    expect(await asked).toBeUndefined();
  });

  test("is unknown when nobody answers with one", async () => {
    expect(await findExternalIp(running, [at("/page"), "http://127.0.0.1:1/"])).toBeUndefined();
  });
});
