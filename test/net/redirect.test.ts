import { describe, expect, test } from "bun:test";
import { judgeRedirect, placeOf } from "../../src/net/redirect.ts";

describe("a redirect", () => {
  const names: Record<string, string[]> = {
    "hub.example": ["93.184.216.34"],
    "cdn.example": ["93.184.216.35", "2606:2800:220:1::1"],
    "inside.example": ["93.184.216.36", "10.0.0.7"],
    "metadata.example": ["169.254.169.254"],
    "mirror.lan": ["192.168.1.2"],
    "neighbour.example": ["fe80::1%eth0"],
    "proxied.example": ["198.18.0.7"],
  };
  const resolve = async (host: string): Promise<string[]> => names[host] ?? [];
  const hubAddress = "https://hub.example/a/b";
  const mirrorAddress = "http://mirror.lan/a/b";

  test.each([
    [hubAddress, "https://cdn.example/x?signature=1", "https://cdn.example/x?signature=1"],
    [hubAddress, "/other/path", "https://hub.example/other/path"],
    [hubAddress, "https://unknown.example/x", "https://unknown.example/x"],
    [mirrorAddress, "http://10.0.0.7/x", "http://10.0.0.7/x"],
    [mirrorAddress, "https://hub.example/x", "https://hub.example/x"],
    // Behind a proxy that gives every name an address of its own.
    ["https://proxied.example/a", "https://proxied.example/b", "https://proxied.example/b"],
  ])("from %s to %s is followed", async (from, location, to) => {
    expect(await judgeRedirect(new URL(from), new URL(from), location, resolve)).toEqual({ to: new URL(to) });
  });

  test.each([
    [hubAddress, "http://cdn.example/x", "another scheme"],
    [hubAddress, "file:///etc/passwd", "another scheme"],
    [hubAddress, "data:text/plain,hf_secret", "another scheme"],
    [hubAddress, "https://u:hf_secret@cdn.example/x", "password"],
    [hubAddress, "https://", "no address"],
    [hubAddress, null, "no address"],
    [hubAddress, "https://127.0.0.1/x", "private"],
    [hubAddress, "https://2130706433/x", "private"],
    [hubAddress, "https://[::1]/x", "private"],
    [hubAddress, "https://[::ffff:10.0.0.1]/x", "private"],
    [hubAddress, "https://[fd00::1]/x", "private"],
    [hubAddress, "https://inside.example/x", "private"],
    [hubAddress, "https://metadata.example/x", "link-local"],
    [hubAddress, "https://neighbour.example/x", "link-local"],
    [hubAddress, "https://[64:ff9b::a9fe:a9fe]/x", "link-local"],
    [mirrorAddress, "http://169.254.169.254/x", "link-local"],
    [mirrorAddress, "http://[fe80::1]/x", "link-local"],
    [mirrorAddress, "http://0.0.0.0/x", "link-local"],
  ])("from %s to %s is refused, and not repeated", async (from, location, reason) => {
    const judged = (await judgeRedirect(new URL(from), new URL(from), location, resolve)) as {
      refusal: string;
    };
    expect(judged.refusal).toContain(reason);
    expect(judged.refusal).not.toContain("hf_secret");
  });

  test("is judged by the real resolver unless a test brings its own", async () => {
    expect(await placeOf(new URL("http://localhost/"))).toBe("private");
  });
});
