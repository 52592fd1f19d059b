import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeWorkFolder, writeFileAtomic } from "../../src/base/atomic.ts";
import { messageOf, reasonOf } from "../../src/base/error.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("error");

const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test("what the system refuses is told in a sentence that begins with the path", () => {
  const folder = scratch();
  const nowhere = join(folder, "nowhere");
  const missing = thrownBy(() => readFileSync(nowhere));
  expect(messageOf(missing)).toBe(`${nowhere}: there is no such file or folder (ENOENT)`);
  expect(messageOf(thrownBy(() => renameSync(nowhere, `${nowhere}2`)))).toBe(
    `${nowhere} to ${nowhere}2: there is no such file or folder (ENOENT)`,
  );
  expect(messageOf(thrownBy(() => readdirSync(import.meta.path)))).toBe(
    `${import.meta.path}: a file is in the place of a folder (ENOTDIR)`,
  );
  // Of a read, which knows no path.
  expect(messageOf(thrownBy(() => readFileSync(folder)))).toBe("a folder is in the place of a file (EISDIR)");
});

test("a folder that cannot be made where a file is says so", () => {
  const folder = scratch();
  const file = join(folder, "file");
  writeFileSync(file, "");
  const error = thrownBy(() => mkdirSync(file, { recursive: true }));
  expect(messageOf(error)).toBe(`${file}: a file is in the place of a folder (EEXIST)`);
  expect(reasonOf(error)).toBe("a file is in the place of a folder (EEXIST)");
  expect(reasonOf(new Error("too loud"))).toBe("too loud");
});

test("an error of a temporary file or folder tells of what was to be made", () => {
  const folder = scratch();
  expect(messageOf(thrownBy(() => writeFileAtomic(folder, "")))).toBe(
    `${folder}: a folder is in the place of a file (EISDIR)`,
  );
  const wanted = join(folder, "answer.csv");
  expect(messageOf(thrownBy(() => makeWorkFolder(join(folder, "none", ".answer.csv-"), wanted)))).toBe(
    `${wanted}: there is no such file or folder (ENOENT)`,
  );
  expect(existsSync(folder)).toBe(true);
});

test("a port that is taken is told in a sentence and asks nothing", () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const { port } = server;
  const error = thrownBy(() => Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("") }));
  expect(messageOf(error)).toBe(`port ${port} is in use already (EADDRINUSE)`);
});

test("any other message is as it was thrown, but for addresses", () => {
  expect(messageOf(Object.assign(new Error("too loud"), { code: "ELOUD", path: "/x" }))).toBe("too loud");
  expect(messageOf(Object.assign(new Error("ENOENT"), { code: "ENOENT" }))).toBe("ENOENT");
  expect(messageOf("at ws://user:word@h/")).toBe("at ws://***@h");
  expect(messageOf(undefined)).toBe("undefined");
});
