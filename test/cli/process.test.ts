import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import vectors from "../golden/chain-vectors.json" with { type: "json" };

/** What only a process of its own can show: closed and full streams, signals, a missing home. */
const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const root = mkdtempSync(join(tmpdir(), "ov-process-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let places = 0;
/** A home and a folder for temporary files, both empty. */
function place(): { home: string; temporary: string; environment: Record<string, string> } {
  const [home, temporary] = ["home", "tmp"].map((name) => join(root, `${places}`, name)) as [string, string];
  places++;
  for (const folder of [home, temporary]) mkdirSync(folder, { recursive: true });
  return { home, temporary, environment: { PATH: process.env.PATH!, HOME: home, TMPDIR: temporary } };
}

/** Runs a line of sh in which `$OV` is the program. */
async function shell(line: string, environment: Record<string, string>) {
  const child = Bun.spawn(["/bin/bash", "-c", line], {
    cwd: root,
    env: { ...environment, OV: `${process.execPath} ${MAIN}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode, stdout, stderr };
}

test("a question from standard input is asked of the sources that are named", async () => {
  const { environment } = place();
  const journal = resolve(import.meta.dir, "../golden/analysis/events.jsonl");
  const line = `echo 'SELECT count(*) > 0 AS has FROM steps;' | $OV query - ${journal} --format csv`;
  expect(await shell(line, environment)).toEqual({ exitCode: 0, stdout: "has\r\ntrue\r\n", stderr: "" });
});

describe("standard output", () => {
  test("that is full makes the command fail with a sentence", async () => {
    const { exitCode, stderr } = await shell("$OV version >/dev/full", place().environment);
    expect(exitCode).toBe(74);
    expect(stderr).toStartWith("error: standard output cannot be written: the disk is full (ENOSPC)");
  });

  test("whose reader goes away is a reason to stop and to clean up", async () => {
    const { temporary, environment } = place();
    const { exitCode, stdout } = await shell("set -o pipefail; $OV demo | head -1", environment);
    expect(exitCode).toBe(0);
    expect(stdout.split("\n").length).toBe(2);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe("a question", () => {
  const many = `query "SELECT r.a, s.b FROM range(3000) AS r(a), range(1000) AS s(b)" ${resolve(import.meta.dir, "../golden/analysis/events.jsonl")} --format csv`;

  test("whose answer nobody reads to its end is done", async () => {
    const { exitCode, stdout, stderr } = await shell(
      `set -o pipefail; $OV ${many} | head -1`,
      place().environment,
    );
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "a,b\r\n", stderr: "" });
  });

  test("whose answer goes to a full disk says that", async () => {
    const { exitCode, stderr } = await shell(`$OV ${many} >/dev/full`, place().environment);
    expect(stderr).toStartWith("error: standard output cannot be written: the disk is full (ENOSPC)");
    expect(exitCode).toBe(74);
  });
});

test("a closed standard error takes away the words, not the work", async () => {
  const { environment } = place();
  expect(await shell("$OV version 2>&-", environment)).toMatchObject({ exitCode: 0 });
  expect(await shell("$OV --bogus 2>&-", environment)).toMatchObject({ exitCode: 64 });
});

test("a directory that cannot be written is told in a sentence, with the exit code of that", async () => {
  const { home, environment } = place();
  // A file in its place stops root as well.
  writeFileSync(join(home, ".bittensor"), "");
  const { exitCode, stderr } = await shell("$OV wallet create", environment);
  expect(exitCode).toBe(73);
  expect(stderr).toMatch(
    /^error: \/.*: a file is in the place of a folder \(ENOTDIR\)\n {2}→ choose another path\n$/,
  );
  expect(stderr).not.toContain("unexpected");
});

test("a port that is taken is told in a sentence", async () => {
  const { temporary, environment } = place();
  const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { exitCode, stderr } = await shell(`$OV localnet --miners 1 --port ${holder.port}`, environment);
  holder.stop(true);
  expect(exitCode).toBe(78);
  expect(stderr).toContain("stop what holds it, or choose another port: localnet --port");
  expect(readdirSync(temporary)).toEqual([]);
});

// Only root may become somebody whom the machine does not know.
test.skipIf(process.getuid?.() !== 0 || !existsSync("/usr/bin/setpriv"))(
  "a user without a home is told to name one",
  async () => {
    const line = "env -i setpriv --reuid 54321 --regid 54321 --clear-groups -- $OV wallet show";
    const { exitCode, stderr } = await shell(line, place().environment);
    expect(exitCode).toBe(78);
    expect(stderr).toContain("set HOME");
  },
);

test("run --mock with a profile that does not exist starts no subnet", async () => {
  const { temporary, environment } = place();
  const { exitCode, stdout } = await shell("$OV run --mock --models.profile nope", environment);
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
  expect(readdirSync(temporary)).toEqual([]);
});

describe("SIGTERM before the validator runs", () => {
  /** Starts the program, sends the signal when a line says what it waits for, and says how it ended. */
  async function stopAt(line: string, words: string[], environment: Record<string, string>) {
    const child = Bun.spawn([process.execPath, MAIN, ...words], {
      cwd: root,
      env: environment,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    let stderr = "";
    let sentMs = 0;
    for await (const chunk of child.stderr) {
      stderr += new TextDecoder().decode(chunk);
      if (sentMs === 0 && stderr.includes(line)) {
        sentMs = performance.now();
        child.kill("SIGTERM");
      }
    }
    return { exitCode: await child.exited, stderr, tookMs: performance.now() - sentMs };
  }

  test("while the key of the hotkey is derived ends it within 2 s, and with 0", async () => {
    const { home, environment } = place();
    const hotkeys = join(home, ".bittensor/wallets/default/hotkeys");
    mkdirSync(hotkeys, { recursive: true });
    const file = Uint8Array.fromBase64(vectors.nacl_keyfile.file_base64);
    writeFileSync(join(hotkeys, "default"), file, { mode: 0o600 });
    writeFileSync(join(home, "password"), "wrong", { mode: 0o600 });
    const ended = await stopAt(
      "Opening the encrypted key",
      ["run", "--wallet.password_file", join(home, "password")],
      environment,
    );
    expect(ended.exitCode).toBe(0);
    expect(ended.stderr).not.toContain("error");
    expect(ended.tookMs).toBeLessThan(2_000);
  });
});
