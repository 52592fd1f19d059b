import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { noteSecrets, searchFolder } from "../canaries.ts";

const ROOT = resolve(import.meta.dir, "../..");
const BINARY = join(ROOT, "dist/openvalidator");
/** What goes into the binary. */
const INPUTS = [
  "src/**/*",
  "models/embedded/**/*",
  "models/{manifests,profiles,trials}/*.json",
  "build.ts",
  "package.json",
  "bun.lock",
];
/** A build takes 10 s on two cores. */
export const BUILD_TIMEOUT_MS = 180_000;

let built: Promise<string> | undefined;

/** Path of dist/openvalidator, made anew, once per test run, when something that goes into it is younger. */
export function builtBinary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  if (!(await isFresh())) {
    const builder = Bun.spawn([process.execPath, "build.ts"], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
    const [code, stdout, stderr] = await Promise.all([
      builder.exited,
      new Response(builder.stdout).text(),
      new Response(builder.stderr).text(),
    ]);
    if (code !== 0) throw new Error(`the build failed (${code}): ${stdout}${stderr}`);
  }
  return BINARY;
}

async function isFresh(): Promise<boolean> {
  if (!existsSync(BINARY)) return false;
  const made = statSync(BINARY).mtimeMs;
  for (const pattern of INPUTS)
    for await (const file of new Bun.Glob(pattern).scan({ cwd: ROOT, absolute: true }))
      if (statSync(file).mtimeMs > made) return false;
  return true;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Scratch {
  /** Contains the folders below and nothing else. */
  root: string;
  /** Empty working directory. */
  directory: string;
  /** Home, cache and temporary folder of a newcomer, below the scratch folder, and nothing of this machine. */
  environment: Record<string, string>;
  remove(): void;
}

export function scratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), "openvalidator-binary-"));
  const [directory, home, temporary] = ["empty", "home", "tmp"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [directory, home, temporary]) mkdirSync(folder);
  return {
    root,
    directory,
    environment: { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: temporary },
    remove: () => {
      searchFolder(root);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Runs a command to its end; what it prints is searched for secrets. */
export async function runCommand(
  command: readonly string[],
  { directory, environment }: Pick<Scratch, "directory" | "environment">,
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  noteSecrets(`the output of ${command.join(" ")}`, stdout + stderr);
  return { code, stdout, stderr };
}
