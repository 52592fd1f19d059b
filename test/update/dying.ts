import { join } from "node:path";

/**
 * The head of a program that kills itself, as a power cut would, before the n-th change of a name in the file system: those
 * are what others see. n is its last word.
 */
export const DYING = `
import * as fs from "node:fs";
import { mock } from "bun:test";
let left = Number(process.argv.at(-1));
const counted = (work) => (...given) => {
  if (--left === 0) process.kill(process.pid, "SIGKILL");
  return work(...given);
};
const names = ["renameSync", "linkSync", "symlinkSync", "rmSync", "mkdirSync", "copyFileSync", "fsyncSync"];
mock.module("node:fs", () => ({ ...fs, ...Object.fromEntries(names.map((name) => [name, counted(fs[name])])) }));
const source = (path) => import(process.env.SOURCE + "/" + path);
(await source("base/log.ts")).configureLog({ level: "error", format: "plain" });
`;
/** Its end: says how many changes were left. */
export const SAYS_LEFT = "process.stdout.write(String(left));\n";
/** More changes than any of them makes. */
export const ALL = 10_000;

export interface Ending {
  isKilled: boolean;
  /** Changes that it made; of one that was not killed. */
  changes: number;
  text: string;
}

/** Runs such a program. @param words before its last one */
export async function runDying(driver: string, words: readonly string[], die: number): Promise<Ending> {
  const child = Bun.spawn([process.execPath, driver, ...words, String(die)], {
    env: { ...process.env, SOURCE: join(import.meta.dir, "../../src") },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  return { isKilled: child.signalCode === "SIGKILL", changes: die - Number(stdout), text: stderr };
}

/** Tries each point of death, as many at once as there are processors for them, and some. */
export async function eachPoint(changes: number, tried: (die: number) => Promise<void>): Promise<void> {
  const points = Array.from({ length: changes }, (_, at) => at + 1);
  for (let at = 0; at < points.length; at += 4) await Promise.all(points.slice(at, at + 4).map(tried));
}
