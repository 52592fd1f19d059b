import { dirname } from "node:path";
import { freeBytesOf } from "../base/disk.ts";
import type { Duty } from "./clock.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/** Looks at the disk under state and events as often as at the metagraph, so that it is told before it is full. */
export function diskDuty<N extends Neuron>(
  { settings, recorder, watch }: Session<N>,
  freeBytes: (directory: string) => number = freeBytesOf,
): Duty {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    name: "disk",
    isDue: (block) => block - lookedAt >= settings.checkpointBlocks,
    async run(block) {
      lookedAt = block;
      const directory = dirname(recorder.path);
      watch.noteDisk(directory, freeBytes(directory));
    },
  };
}
