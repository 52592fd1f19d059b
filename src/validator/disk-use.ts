import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { bytesBelow, bytesOf } from "../base/disk.ts";

/**
 * What a validator takes of its disks, in bytes: state, events and whatever else lies in its folder, such as a state that
 * was put aside, and its log with those put aside.
 * @param logFile absolute
 */
export function diskUse(stateDirectory: string, logFile?: string): number {
  const inside = bytesBelow(stateDirectory);
  if (logFile === undefined || !relative(stateDirectory, logFile).startsWith("..")) return inside;
  const folder = dirname(logFile);
  if (!existsSync(folder)) return inside;
  const name = basename(logFile);
  const logs = readdirSync(folder).filter(
    (one) => one === name || (/^\.\d+$/.test(one.slice(name.length)) && one.startsWith(name)),
  );
  return logs.reduce((sum, one) => sum + bytesOf(join(folder, one)), inside);
}
