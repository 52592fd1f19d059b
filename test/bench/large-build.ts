import { buildModel } from "../../src/models/build/build.ts";
import { openCheckpoint } from "../../src/models/build/checkpoint/open-checkpoint.ts";
import type { Dtype } from "../../src/models/manifest.ts";
import { SHAPES } from "./random-checkpoints.ts";

/** A build in a process of its own, whose memory is its own: prints files, seconds and bytes as JSON. */
const [name, folder, into, dtype] = process.argv.slice(2) as [string, string, string, Dtype];
const { model } = SHAPES.find((shape) => shape.name === name)!;
const began = performance.now();
const checkpoint = await openCheckpoint(folder);
const files = await buildModel(checkpoint, model, { dtype, into });
await checkpoint.close();
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ files, seconds, bytes: process.resourceUsage().maxRSS * 1024 }));
