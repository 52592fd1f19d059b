import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ReleaseServer } from "../update/release-server.ts";
import { BUILD_TIMEOUT_MS, builtBinary, type Outcome, runCommand, type Scratch, scratch } from "./built.ts";
import { Releases } from "./releases.ts";

const ROOT = resolve(import.meta.dir, "../..");
const TIMEOUT_MS = 60_000;

let place: Scratch;
let server: ReleaseServer;
let released: { old: string; next: string };

beforeAll(async () => {
  place = scratch();
  const releases = new Releases(place);
  server = releases.server;
  released = { old: await releases.build("1.0.0"), next: await releases.build("1.1.0") };
  await releases.offer("1.1.0", released.next);
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await server?.stop();
  place?.remove();
});

/** An executable that somebody downloaded into a folder of his own. */
function downloaded(name: string): { path: string; run(...words: string[]): Promise<Outcome> } {
  const folder = join(place.root, name);
  mkdirSync(folder);
  const path = join(folder, "openvalidator");
  copyFileSync(released.old, path);
  return { path, run: (...words) => runCommand([path, ...words, "--in-container"], place) };
}

const versionOf = async ({ path }: { path: string }): Promise<string> =>
  (await runCommand([path, "version"], place)).stdout.trim();

describe("an executable in a folder of its own", () => {
  test(
    "finds a release, goes to it, and back",
    async () => {
      const own = downloaded("whole");
      const check = await own.run("self-update", "--check", "--json");
      expect(check.code).toBe(10);
      expect(JSON.parse(check.stdout)).toMatchObject({ from: "1.0.0", state: "available", version: "1.1.0" });
      expect(existsSync(`${own.path}.previous`)).toBeFalse();

      const update = await own.run("self-update", "--json");
      expect({ code: update.code, said: JSON.parse(update.stdout) }).toMatchObject({
        code: 0,
        said: { state: "installed", version: "1.1.0" },
      });
      expect(await versionOf(own)).toBe("openvalidator 1.1.0");
      expect(readFileSync(own.path).equals(readFileSync(released.next))).toBeTrue();
      expect(await versionOf({ path: `${own.path}.previous` })).toBe("openvalidator 1.0.0");
      expect((await own.run("self-update", "--check")).stdout).toBe("up to date 1.1.0\n");

      expect((await own.run("self-update", "--rollback")).code).toBe(0);
      expect(await versionOf(own)).toBe("openvalidator 1.0.0");
      // Nobody but a person goes there again.
      const again = await own.run("self-update", "--unattended", "--update.interval", "0.05", "--json");
      expect(JSON.parse(again.stdout)).toMatchObject({ state: "waiting", version: "1.1.0" });
      expect((await own.run("self-update", "--now")).code).toBe(0);
      expect(await versionOf(own)).toBe("openvalidator 1.1.0");
    },
    TIMEOUT_MS,
  );

  test(
    "takes nothing that is not signed, and says what is wrong",
    async () => {
      const own = downloaded("attacked");
      const cases: [fault: typeof server.fault, code: number, words: RegExp][] = [
        [
          (path) => (path.startsWith("/targets/") ? new Response("x".repeat(100)) : undefined),
          65,
          /another size/,
        ],
        [() => new Response("<html>", { headers: { "content-type": "text/html" } }), 69, /update server/],
        [() => new Response("", { status: 404 }), 69, /404/],
      ];
      for (const [fault, code, words] of cases) {
        server.fault = fault;
        const { code: exit, stderr } = await own.run("self-update");
        expect({ exit, stderr }).toEqual({ exit: code, stderr: expect.stringMatching(words) });
        expect(await versionOf(own)).toBe("openvalidator 1.0.0");
      }
      server.fault = undefined;
      const stranger = new ReleaseServer(join(place.root, "stranger"));
      stranger.release("9.9.9", readFileSync(released.next));
      const url = stranger.start();
      try {
        const { code, stderr } = await own.run("self-update", "--update.url", url);
        expect(code).toBe(65);
        expect(stderr).toContain("not signed by our keys");
      } finally {
        await stranger.stop();
      }
      expect(await versionOf(own)).toBe("openvalidator 1.0.0");
    },
    TIMEOUT_MS,
  );

  test(
    "that was built without keys, or runs from source, says how it is updated",
    async () => {
      const plain = await runCommand(
        [await builtBinary(), "self-update", "--check", "--in-container"],
        place,
      );
      expect(plain).toMatchObject({ code: 78, stderr: expect.stringContaining("without the keys") });
      const source = await runCommand([process.execPath, join(ROOT, "src/main.ts"), "self-update"], place);
      expect(source).toMatchObject({ code: 78, stderr: expect.stringContaining("git pull") });
    },
    BUILD_TIMEOUT_MS,
  );

  test("names the release that is not there", async () => {
    const { code, stderr } = await downloaded("named").run("self-update", "--version", "7.7.7");
    expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining("no release 7.7.7") });
  });
});
