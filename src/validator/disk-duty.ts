import { dirname } from "node:path";
import { freeBytesOf } from "../base/disk.ts";
import type { Duty } from "./clock.ts";
import { diskUse } from "./disk-use.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/**
 * Looks at the disk under state and events, and at the budget of --disk.max, as often as at the metagraph: so it is told
 * before either is full, and old events make room.
 */
export function diskDuty<N extends Neuron>(
  { settings, recorder, watch, modules }: Session<N>,
  freeBytes: (directory: string) => number = freeBytesOf,
  usedBytes: (directory: string, logFile?: string) => number = diskUse,
): Duty {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    name: "disk",
    isDue: (block) => block - lookedAt >= settings.checkpointBlocks,
    async run(block) {
      lookedAt = block;
      const directory = dirname(recorder.path);
      const { diskMaxBytes: maxBytes, logFile } = settings;
      const budget =
        maxBytes === undefined ? undefined : { maxBytes, usedBytes: usedBytes(directory, logFile) };
      watch.noteDisk(directory, freeBytes(directory), budget);
      if (watch.disk.state !== "ok") modules.feed.makeRoom?.();
    },
  };
}
