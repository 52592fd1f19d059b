import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ArtifactSpool } from "../../src/wandb/artifact-spool.ts";
import { type Artifact, artifactName } from "../../src/wandb/artifact-upload.ts";
import { scratchFolders } from "../scratch.ts";
import type { Fault, WandbDouble } from "./double.ts";
import type { StoredArtifact } from "./double-artifacts.ts";
import { syncAll, until, wandbDoubles } from "./doubles.ts";
import { KEY, type Options, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

setDefaultTimeout(60_000);
const folder = scratchFolders("artifacts");
const NAME = "a_b_gating_linear_layer";

function report(server: WandbDouble, options: Options = {}, directory = folder()): ReportedFeed {
  return new ReportedFeed(directory, { url: server.url, key: KEY, ...options });
}

const contentOf = (artifact: StoredArtifact | undefined): string =>
  Buffer.from(artifact?.files.get(`${NAME}.safetensors`)?.bytes ?? []).toString();
const committed = (server: WandbDouble): StoredArtifact[] =>
  server.artifacts.filter(({ state }) => state === "COMMITTED");
const whatWaits = (directory: string): string[] =>
  (readdirSync(join(directory, "wandb"), { recursive: true }) as string[]).filter((name) =>
    name.endsWith(".bin"),
  );

describe("the gating layer", () => {
  test("becomes a version of one artifact each time, and nothing of it stays on disk", async () => {
    const server = makeDouble();
    const directory = folder();
    const validator = report(server, {}, directory);
    validator.start();
    for (const [at, content] of ["first", "second"].entries()) {
      validator.emit(2, 1 + 2 * at);
      validator.emitLayer(content, at);
      await until(() => committed(server).length === at + 1);
    }
    await validator.stop();

    const [first, second] = server.artifacts;
    expect(first).toMatchObject({ name: NAME, type: "model", version: 0, aliases: [], base: null });
    expect(second).toMatchObject({ name: NAME, version: 1, aliases: ["latest"], base: first!.id });
    expect(second!.run).toBe([...server.runs.values()][0]!.name);
    expect([contentOf(first), contentOf(second)]).toEqual(["first", "second"]);
    expect(JSON.parse(second!.metadata!)).toMatchObject({ encoder: "a/b", rows: 2, hidden: 3, trained: 1 });
    const manifest = JSON.parse(Buffer.from(second!.manifest!.bytes!).toString());
    const md5 = createHash("md5").update("second").digest("base64");
    expect(manifest).toMatchObject({
      version: 1,
      storagePolicy: "wandb-storage-policy-v1",
      contents: { [`${NAME}.safetensors`]: { digest: md5, size: 6, birthArtifactID: second!.id } },
    });
    expect(second!.digest).toBe(
      createHash("md5").update(`wandb-artifact-manifest-v1\n${NAME}.safetensors:${md5}\n`).digest("hex"),
    );
    expect(whatWaits(directory)).toEqual([]);
    expect(server.rows().filter(({ kind }) => kind === "gating").length).toBe(2);
  });

  test("that a server has is not sent again", async () => {
    const server = makeDouble();
    const validator = report(server);
    validator.start();
    validator.emitLayer("same", 1);
    await until(() => committed(server).length === 1);
    const puts = (): number => server.log.filter(({ path }) => path.startsWith("/storage/")).length;
    const before = puts();
    const created = (): number => server.log.filter(({ operation }) => operation === "CreateArtifact").length;
    validator.emitLayer("same", 2);
    await until(() => created() === 2);
    await validator.stop();
    expect(server.artifacts.length).toBe(1);
    expect(puts()).toBe(before);
  });

  test("that was overtaken by a later one is passed over", async () => {
    const server = makeDouble();
    const validator = report(server);
    validator.start();
    validator.emitLayer("early", 1);
    validator.emitLayer("late", 2);
    await until(() => committed(server).length === 1);
    await validator.stop();
    expect(server.artifacts.map(contentOf)).toEqual(["late"]);
  });

  const FAULTS: [string, RegExp, Partial<Fault>][] = [
    ["500 at its making", /CreateArtifact$/, { status: 500 }],
    ["an answer to it that is lost", /CreateArtifact$/, { kind: "taken" }],
    ["no answer to its file", /PUT .storage.*safetensors/, { kind: "hang" }],
    ["503 at its file", /PUT .storage.*safetensors/, { status: 503 }],
    ["500 at its manifest", /PUT .storage.*manifest/, { status: 500 }],
    ["429 at its end", /CommitArtifact/, { status: 429, headers: { "retry-after": "0.05" } }],
  ];
  test.each(FAULTS)("%s: it is there once, and the rows did not wait for it", async (_, match, fault) => {
    const server = makeDouble();
    const validator = report(server);
    server.faults.push({ match, times: 3, ...fault });
    validator.start();
    validator.emitLayer("layer", 1);
    validator.emit(30);
    await until(() => server.rows().some(({ step }) => step === 30));
    await until(() => committed(server).length === 1);
    await validator.stop();
    expect(server.faults.map(({ times }) => times)).toEqual([0]);
    expect(server.artifacts.map(contentOf)).toEqual(["layer"]);
    expect(server.rows().map((row) => row.sequence)).toEqual(
      validator.events.map(({ sequence }) => sequence),
    );
  });

  test("that the server will not have is dropped, and its rows and the next one go on", async () => {
    const server = makeDouble();
    const directory = folder();
    const validator = report(server, {}, directory);
    server.faults.push({ match: /CreateArtifact$/, times: 1, status: 403 });
    validator.start();
    validator.emitLayer("refused", 1);
    await until(() => server.faults[0]!.times === 0 && whatWaits(directory).length === 0);
    validator.emitLayer("taken", 2);
    await until(() => committed(server).length === 1);
    await validator.stop();
    expect(server.artifacts.map(contentOf)).toEqual(["taken"]);
    expect([...server.runs.values()][0]).toMatchObject({ isDone: true, exitCode: 0 });
  });

  test("is spooled while offline, and sync uploads each version in order", async () => {
    const server = makeDouble();
    const directory = folder();
    const validator = report(server, { offline: true }, directory);
    validator.start();
    for (const [at, content] of ["one", "two", "three"].entries()) {
      // The disk is as slow as it is: a layer that is overtaken is passed over.
      validator.emitLayer(content, at);
      await until(() => existsSync(join(directory, "wandb")) && whatWaits(directory).length === at + 1);
    }
    expect(validator.reporter.status.wandbBacklogBytes).toBeGreaterThanOrEqual(11);
    await validator.stop();
    expect(server.log).toEqual([]);
    const sync = () => syncAll(server, directory);
    expect((await sync()).map(({ state }) => state)).toEqual(["done"]);
    expect(committed(server).map(contentOf)).toEqual(["one", "two", "three"]);
    expect(committed(server).at(-1)).toMatchObject({ version: 2, aliases: ["latest"] });
    expect(whatWaits(directory)).toEqual([]);
    expect(await sync()).toEqual([]);
  });

  test("that is left behind when a run ends goes with the next start, though the rows are whole", async () => {
    const server = makeDouble();
    const directory = folder();
    const first = report(server, {}, directory);
    const fault: Fault = { match: /PUT .storage.*safetensors/, times: 1e9, status: 500 };
    server.faults.push(fault);
    first.start();
    first.emitLayer("left", 1);
    await until(() => fault.times < 1e9);
    await first.stop();
    expect([...server.runs.values()][0]).toMatchObject({ isDone: true, exitCode: 0 });
    expect(committed(server)).toEqual([]);
    fault.times = 0;
    const second = report(server, {}, directory);
    await until(() => committed(server).length === 1);
    await second.stop();
    expect(committed(server).map(contentOf)).toEqual(["left"]);
  });
});

describe("artifacts that wait", () => {
  const artifact: Artifact = {
    name: "n",
    type: "model",
    description: "d",
    metadata: { rows: 1 },
    file: "n.bin",
    madeAt: "2026-01-01T00:00:00Z",
    clientId: "c",
    sequenceId: "s",
  };

  test("are there in order after a crash, whole ones only", async () => {
    const directory = join(folder(), "artifacts");
    const spool = new ArtifactSpool(directory);
    await spool.add(artifact, Buffer.from("one"));
    await spool.add({ ...artifact, name: "m" }, Buffer.from("four"));
    writeFileSync(join(directory, "000002.bin"), "half of one");
    const opened = new ArtifactSpool(directory);
    expect(existsSync(join(directory, "000002.bin"))).toBe(false);
    expect(opened.sizeBytes).toBe(7);
    expect(opened.first).toEqual(artifact);
    expect(Buffer.from(await opened.read()).toString()).toBe("one");
    opened.shift();
    expect(opened.first).toMatchObject({ name: "m" });
    await opened.add(artifact, Buffer.from("x"));
    opened.shift();
    expect(opened.first).toEqual(artifact);
    opened.shift();
    expect([opened.first, opened.sizeBytes, readdirSync(directory).length]).toEqual([undefined, 0, 0]);
  });

  test("without their content are dropped", async () => {
    const directory = join(folder(), "artifacts");
    const spool = new ArtifactSpool(directory);
    await spool.add(artifact, Buffer.from("one"));
    rmSync(join(directory, "000000.bin"));
    expect(new ArtifactSpool(directory).first).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("have names that W&B takes", () => {
    expect(artifactName("EleutherAI/pythia-160m_gating")).toBe("EleutherAI_pythia-160m_gating");
    expect(artifactName(`${"x".repeat(200)}_gating`)).toMatch(/^x{121}_gating$/);
  });
});
