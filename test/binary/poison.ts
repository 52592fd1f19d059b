import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Packages of ours, and optional ones that ours try to load; found in the working directory they must not run. */
const PACKAGES = [
  "consola",
  "zod",
  "sharp",
  "bufferutil",
  "utf-8-validate",
  "encoding",
  "onnxruntime-node",
  "onnxruntime-common",
  "@huggingface/transformers",
  "@polkadot/api",
];

/**
 * Fills a folder with everything that a runtime might pick up from its working directory.
 * @returns path of a file that comes into being when any piece of it runs.
 */
export function poison(directory: string): string {
  const mark = join(directory, "it-ran");
  const evil = `require("node:fs").appendFileSync(${JSON.stringify(mark)}, __filename + "\\n");`;
  const files: Record<string, string> = {
    "evil.js": evil,
    "bunfig.toml": 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n',
    "tsconfig.json": '{"compilerOptions":{"paths":{"zod":["./evil.js"]}}}',
    "package.json": '{"name":"openvalidator","version":"66.6.6","type":"commonjs","main":"evil.js"}',
  };
  for (const name of [".env", ".env.local", ".env.production", ".env.development"])
    files[name] = "OPENVALIDATOR_NETUID=77\nBT_WALLET_NAME=stolen\nBUN_OPTIONS=--preload=./evil.js\n";
  for (const name of PACKAGES) {
    files[`node_modules/${name}/package.json`] = `{"name":"${name}","main":"index.js"}`;
    files[`node_modules/${name}/index.js`] = evil;
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return mark;
}
