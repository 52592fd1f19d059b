import { beforeAll, describe, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { withoutInference } from "../../src/packaging/targets.ts";
import { readArtifacts } from "../../src/update/repository/artifacts.ts";
import { scratchFolders } from "../scratch.ts";
import { ReleaseServer } from "../update/release-server.ts";

const scratch = scratchFolders("build");
const ROOT = resolve(import.meta.dir, "../..");
const INPUTS = ["src", "models", "build.ts", "package.json", "bun.lock", "tsconfig.json"];
const TIMEOUT_MS = 180_000;
const VERSION = "3.2.1";
/** In its time zone a build must look the same. */
const PLACES = [
  { TZ: "UTC", LANG: "C" },
  { TZ: "Asia/Kathmandu", LANG: "de_DE.UTF-8" },
];

async function bun(words: readonly string[], cwd: string, environment: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd,
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

async function done(
  words: readonly string[],
  cwd: string,
  environment?: Record<string, string>,
): Promise<void> {
  const { code, stderr } = await bun(words, cwd, environment);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
}

describe("a release", () => {
  /** Two checkouts, each with what it made. */
  const folders: string[] = [];
  beforeAll(async () => {
    const root = join(scratch(), "root.json");
    writeFileSync(root, new ReleaseServer(scratch()).root());
    const flags = ["--release-version", VERSION, "--update-root", root, "--update-url", "https://a.example"];
    for (const [index, place] of PLACES.entries()) {
      const folder = join(scratch(), "x".repeat(index + 1));
      folders.push(folder);
      for (const name of INPUTS) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
      await done(["install", "--frozen-lockfile"], folder);
      const what = index === 0 ? ["release", "--target", "linux-x64"] : ["--target", "linux-x64"];
      await done(["build.ts", ...what, ...flags], folder, { ...place, SOURCE_DATE_EPOCH: "1800000000" });
      rmSync(join(folder, "node_modules"), { recursive: true });
    }
  }, TIMEOUT_MS);

  test("has the same bytes, wherever it is built", () => {
    const released = readFileSync(join(folders[0]!, "dist/release/openvalidator-linux-x64"));
    expect(released.equals(readFileSync(join(folders[1]!, "dist/openvalidator")))).toBeTrue();
  });

  test("is a folder of executables, packed ones, what is inside, and the hashes of all", async () => {
    expect(await readArtifacts(join(folders[0]!, "dist/release"))).toMatchObject({
      version: VERSION,
      builtAt: "2027-01-15T08:00:00.000Z",
      targets: ["linux-x64"],
    });
  });

  test("lists what is inside, as CycloneDX 1.6", () => {
    const folder = join(folders[0]!, "dist/release");
    const bom = bomSchema.parse(JSON.parse(readFileSync(join(folder, "openvalidator.cdx.json"), "utf8")));
    const refs = bom.components.map((component) => component["bom-ref"]);
    expect(refs).toEqual([...new Set(refs)]);
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    for (const [name, version] of Object.entries(dependencies)) expect(refs).toContain(`${name}@${version}`);
    expect(refs).toContain("@oven/bun-linux-x64@1.4.5");
    expect(refs.filter((ref) => ref.startsWith("@duckdb/node-bindings-"))).toHaveLength(1);
    // What builds and tests is not inside.
    expect(refs.filter((ref) => /^(?:typescript|@biomejs|fast-check|@tufjs\/models@)/.test(ref))).toEqual([
      "@tufjs/models@5.0.2",
    ]);
    const known = new Set([bom.metadata.component["bom-ref"], ...refs]);
    for (const { ref, dependsOn } of bom.dependencies)
      for (const one of [ref, ...dependsOn]) expect(known).toContain(one);
    const reached = new Set<string>();
    const visit = (ref: string): void => {
      if (reached.has(ref)) return;
      reached.add(ref);
      for (const next of bom.dependencies.find((one) => one.ref === ref)!.dependsOn) visit(next);
    };
    visit(bom.metadata.component["bom-ref"]);
    expect(reached).toEqual(known);
    const [executable] = bom.metadata.component.components;
    expect(readFileSync(join(folder, "SHA256SUMS"), "utf8")).toContain(
      `${executable!.hashes[0]!.content}  ${executable!.name}\n`,
    );
  });
});

const hash = z.strictObject({
  alg: z.enum(["SHA-256", "SHA-512"]),
  content: z.string().regex(/^[0-9a-f]{64,128}$/),
});
const licenses = z.tuple([
  z.union([
    z.strictObject({ expression: z.string() }),
    z.strictObject({ license: z.strictObject({ name: z.string() }) }),
  ]),
]);
/** Of https://cyclonedx.org/schema/bom-1.6.schema.json what we write, and nothing beside it. */
const bomSchema = z.strictObject({
  $schema: z.literal("http://cyclonedx.org/schema/bom-1.6.schema.json"),
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.literal("1.6"),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
  version: z.literal(1),
  metadata: z.strictObject({
    timestamp: z.iso.datetime(),
    component: z.strictObject({
      type: z.literal("application"),
      "bom-ref": z.string(),
      name: z.literal("openvalidator"),
      version: z.string(),
      licenses,
      properties: z.array(z.strictObject({ name: z.string(), value: z.string() })),
      components: z.array(
        z.strictObject({
          type: z.literal("file"),
          "bom-ref": z.string(),
          name: z.string(),
          hashes: z.array(hash),
        }),
      ),
    }),
  }),
  components: z.array(
    z.union([
      z.strictObject({
        type: z.literal("library"),
        "bom-ref": z.string(),
        name: z.string(),
        version: z.string(),
        purl: z.string().regex(/^pkg:npm\/(?:%40[a-z0-9-]+\/)?[A-Za-z0-9._-]+@[\w.-]+$/),
        hashes: z.tuple([hash]),
        licenses,
      }),
      z.strictObject({
        type: z.literal("machine-learning-model"),
        "bom-ref": z.string(),
        name: z.string(),
        hashes: z.tuple([hash]),
        licenses,
      }),
    ]),
  ),
  dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

describe("an executable for a platform without a library for models", () => {
  const facts = {
    version: VERSION,
    commit: "d".repeat(40),
    builtAt: "2026-11-01T00:00:00.000Z",
    target: "darwin-x64",
    withoutInference: withoutInference("darwin-x64"),
  };
  const run = (...words: string[]) =>
    bun(["--define", `OPENVALIDATOR_BUILD=${JSON.stringify(facts)}`, "src/main.ts", ...words], ROOT);
  const why = "onnxruntime-node 1.30.0 has no library for darwin-x64";

  test("says so at version", async () => {
    expect((await run("version")).stdout).toBe(`openvalidator ${VERSION}\nwithout inference: ${why}\n`);
    expect(JSON.parse((await run("version", "--json")).stdout).withoutInference).toBe(why);
  });

  test("says so when doctor looks, and when a model is needed", async () => {
    const { stdout } = await run("doctor", "--offline", "--json", "--mock");
    const models = JSON.parse(stdout).checks.filter(({ name }: { name: string }) => name === "models");
    expect(models).toEqual([
      expect.objectContaining({ status: "fail", found: expect.stringContaining(why) }),
    ]);
    const demo = await run("demo");
    expect(demo.stderr).toContain(why);
    expect(demo.code).not.toBe(0);
  });

  test("is the exception", () => {
    expect(["linux-x64", "linux-x64-baseline", "linux-arm64", "darwin-arm64"].map(withoutInference)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
