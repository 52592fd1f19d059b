/**
 * Makes dist/openvalidator, one executable with everything inside: `bun run build [--target NAME] [--outfile PATH]`. The
 * tools of those who keep releases stand here too: `bun build.ts release`, and README has the whole story of a release.
 */

import { statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "./src/base/error.ts";
import { buildExecutable } from "./src/packaging/executable.ts";
import { makeRelease } from "./src/packaging/make-release.ts";
import { BuildError, ROOT } from "./src/packaging/targets.ts";
import { RELEASE_TOOLS, runReleaseTool } from "./src/update/repository/command-line.ts";

async function main(words: string[]): Promise<void> {
  const [first, second] = words;
  if (first === "release") {
    if (second === undefined || second.startsWith("-")) return await makeRelease(words.slice(1));
    if (Object.hasOwn(RELEASE_TOOLS, second)) return await runReleaseTool(words.slice(1));
    throw new BuildError(`there is no release ${second}, but ${Object.keys(RELEASE_TOOLS).join(", ")}`);
  }
  const { values } = parseArgs({
    args: words,
    options: {
      target: { type: "string" },
      outfile: { type: "string" },
      "release-version": { type: "string" },
      "update-root": { type: "string" },
      "update-url": { type: "string" },
    },
  });
  const target = values.target ?? "linux-x64";
  const outfile = resolve(values.outfile ?? join(ROOT, "dist/openvalidator"));
  const { facts } = await buildExecutable(target, outfile, values);
  const size = (statSync(outfile).size / 1e6).toFixed(1);
  console.log(`${relative(process.cwd(), outfile)}  ${facts.version}  ${target}  ${size} MB`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof AggregateError ? error.errors.map(String).join("\n") : messageOf(error));
  process.exitCode = 1;
}
