import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BOM_FILE, completeArtifacts, executableName } from "../../src/update/repository/artifacts.ts";

export const ROOT = resolve(import.meta.dir, "../..");
export const COMMIT = "d".repeat(40);
export const PLATFORM = "linux-x64";

/** Text that does not compress, so that a difference is worth while. */
const NOISE = Array.from({ length: 6_000 }, (_, index) => ((index * 2_654_435_761) >>> 0).toString(36)).join(
  "\n# ",
);

/** What `bun build.ts release` makes, as far as the tools look at it: the executable is a script that says its version. */
export async function builtRelease(
  folder: string,
  version: string,
  root: string,
  { stateVersion = 2, commit = COMMIT }: { stateVersion?: number; commit?: string } = {},
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const script = `#!/bin/sh\necho '{"version":"${version}","commit":"${commit}"}'\nexit\n# ${NOISE}\n`;
  writeFileSync(join(folder, executableName(PLATFORM)), script, { mode: 0o755 });
  writeFileSync(join(folder, BOM_FILE), "{}\n");
  await completeArtifacts(folder, {
    version,
    commit,
    builtAt: "2026-11-01T00:00:00.000Z",
    stateVersion,
    root,
    targets: [PLATFORM],
  });
  return folder;
}

/** Runs `bun build.ts release …`; what it prints, both streams together. */
export function tool(
  words: readonly string[],
  environment: Record<string, string> = {},
): { code: number; out: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "build.ts", "release", ...words], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
  });
  return { code: exitCode, out: `${stdout}${stderr}`.trim() };
}

/** The same, for what has to succeed. */
export function done(words: readonly string[], environment?: Record<string, string>): string {
  const { code, out } = tool(words, environment);
  expect({ code, out }).toMatchObject({ code: 0 });
  return out;
}

/** Any static server. */
export function serve(folder: string): { url: string; stop(): void } {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const file = Bun.file(join(folder, new URL(request.url).pathname));
      return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => void server.stop(true) };
}
