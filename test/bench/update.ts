import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { readStatus } from "../../src/telemetry/status-socket.ts";
import { fetchArtifact, findRelease } from "../../src/update/artifact.ts";
import { LoneFile, ReleaseFolder } from "../../src/update/installation.ts";
import { executableName, packedName, readArtifacts } from "../../src/update/repository/artifacts.ts";
import { publish } from "../../src/update/repository/publish.ts";
import { UpdateRepository } from "../../src/update/repository/repository.ts";
import { newPrivateKey, signerOf } from "../../src/update/repository/signer.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { type Scratch, scratch } from "../binary/built.ts";
import { start, startSubnet, waitFor } from "../binary/subnet.ts";
import { PLATFORM, serve } from "../update/releasing.ts";
import { bestMs } from "./measure.ts";
import type { BenchRow } from "./row.ts";

const ROOT = resolve(import.meta.dir, "../..");
const INPUTS = ["src", "models", "build", "build.ts", "package.json", "bun.lock", "tsconfig.json"];
const [OLD, NEXT] = ["1.0.0", "1.0.1"];
/** A file whose change reaches one command alone, and what changes in it. */
const CHANGED = "src/cli/commands/version.ts";
const CHANGE = (text: string): string => text.replace("without inference: ", "no inference: ");
const SWITCHES = 20;
const LOOK_EVERY_MS = 10;
const MOVE_TIMEOUT_MS = 120_000;

/** Two real releases that differ by one line, in a repository of their own. */
class Bench {
  readonly repository: UpdateRepository;
  readonly url: string;
  readonly root: string;
  readonly #release = newPrivateKey();
  readonly #online = signerOf(newPrivateKey());
  readonly #server: { url: string; stop(): void };

  constructor(readonly place: Scratch) {
    this.repository = new UpdateRepository(join(place.root, "public"));
    const root = signerOf(newPrivateKey());
    const role = ({ key }: { key: typeof root.key }) => ({ keys: [key], threshold: 1 });
    const online = role(this.#online);
    const roles = {
      root: role(root),
      targets: role(signerOf(this.#release)),
      snapshot: online,
      timestamp: online,
    };
    this.repository.root(1, roles, [root]);
    this.root = join(place.root, "public/metadata/1.root.json");
    this.#server = serve(join(place.root, "public"));
    this.url = this.#server.url;
  }

  async build(version: string, from: string): Promise<string> {
    const out = join(this.place.root, version);
    const keys = ["--update-root", this.root, "--update-url", this.url];
    const words = ["release", "--target", PLATFORM, "--out", out, "--release-version", version, ...keys];
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(Date.now() / 1000)) };
    const child = Bun.spawn([process.execPath, "build.ts", ...words], { cwd: from, env, stdout: "ignore" });
    if ((await child.exited) !== 0) throw new Error("the build failed");
    return out;
  }

  /** The tree with one line that is different. */
  changedTree(): string {
    const tree = join(this.place.root, "tree");
    for (const name of INPUTS) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
    const text = readFileSync(join(tree, CHANGED), "utf8");
    if (CHANGE(text) === text) throw new Error(`${CHANGED} has no such line any more`);
    writeFileSync(join(tree, CHANGED), CHANGE(text));
    return tree;
  }

  async publish(from: string): Promise<void> {
    const { version, commit, stateVersion, targets } = await readArtifacts(from);
    await publish({
      repository: this.repository,
      channel: "stable",
      facts: {
        ...{ version, commit, stateVersion, urgency: "low", minVersion: "0.0.0", rollbackTo: "0.0.0" },
        ...{ issued: new Date().toISOString(), notes: null, rollout: [], revoked: [] },
      },
      from,
      targets,
      work: join(this.place.root, "work"),
      releaseKey: { signer: signerOf(this.#release), privateKey: this.#release },
      onlineKey: this.#online,
    });
  }

  trusted(cacheDirectory: string) {
    return readTrusted({
      urls: [this.url],
      root: readFileSync(this.root, "utf8"),
      cacheDirectory,
      builtAtMs: 0,
    });
  }

  stop(): void {
    this.#server.stop();
    this.place.remove();
  }
}

const megabytes = (path: string): number => statSync(path).size / 1e6;

/** What a release weighs and takes: on the way, on the disk, and while a validator is moved to it. */
export async function benchUpdate(): Promise<BenchRow[]> {
  const bench = new Bench(scratch());
  const at = (...names: string[]): string => join(bench.place.root, ...names);
  try {
    const [old, next] = [await bench.build(OLD, ROOT), await bench.build(NEXT, bench.changedTree())];
    const program = join(old, executableName(PLATFORM));
    await bench.publish(old);
    const downtime = await benchMove(bench, program, () => bench.publish(next));

    const cold = async () => {
      rmSync(at("trust"), { recursive: true, force: true });
      return findRelease(await bench.trusted(at("trust")), `stable/${PLATFORM}`);
    };
    const coldMs = await bestMs(cold);
    const warmMs = await bestMs(() => bench.trusted(at("trust")));
    const files = await bench.trusted(at("trust"));
    const found = (await findRelease(files, `stable/${PLATFORM}`))!;
    const to = at("arrived");
    const fullMs = await bestMs(() => fetchArtifact(files, found, { to }));
    const running = { version: OLD, path: program };
    let deltaMb = 0;
    const deltaMs = await bestMs(async () => {
      const { form, downloadedBytes } = await fetchArtifact(files, found, { to, running });
      if (form !== "delta") throw new Error("the difference was of no use");
      deltaMb = downloadedBytes / 1e6;
    });
    const packedMb = megabytes(join(next, packedName(PLATFORM)));
    return [
      { name: `executable, ${PLATFORM}`, value: megabytes(join(next, executableName(PLATFORM))), unit: "MB" },
      { name: "download", value: packedMb, unit: "MB" },
      {
        name: "download, one line changed, against all",
        value: deltaMb,
        unit: "MB",
        ratio: packedMb / deltaMb,
      },
      { name: "check, first", value: coldMs, unit: "ms" },
      { name: "check, next", value: warmMs, unit: "ms" },
      { name: "download and verify, from this machine", value: fullMs / 1000, unit: "s" },
      { name: "the same, one line changed", value: deltaMs / 1000, unit: "s", ratio: fullMs / deltaMs },
      ...switches(bench, program, to),
      ...downtime,
    ];
  } finally {
    bench.stop();
  }
}

/** The change of the name alone, back and forth, with both releases in place. */
function switches({ place }: Bench, old: string, next: string): BenchRow[] {
  const folder = join(place.root, "folder");
  const file = join(place.root, "file");
  for (const one of [folder, file]) mkdirSync(one);
  copyFileSync(old, join(file, "openvalidator"));
  const lone = new LoneFile(join(file, "openvalidator"));
  lone.adopt(OLD);
  lone.makeRoomFor(NEXT);
  copyFileSync(next, lone.programOf(NEXT));
  const laidOut = new ReleaseFolder(folder);
  laidOut.put(old, OLD);
  laidOut.put(next, NEXT);
  return [laidOut, lone].map((installation) => {
    const began = performance.now();
    for (let turn = 0; turn < SWITCHES; turn++) installation.switchTo(turn % 2 === 0 ? NEXT : OLD);
    const value = (performance.now() - began) / SWITCHES;
    return { name: `switch, ${installation.kind}`, value, unit: "ms" };
  });
}

/** A supervised validator on a local subnet: how long no validator runs while it goes to a release. */
async function benchMove({ place }: Bench, old: string, offer: () => Promise<void>): Promise<BenchRow[]> {
  const own = join(place.root, "own/openvalidator");
  mkdirSync(dirname(own));
  copyFileSync(old, own);
  const flags = ["--miners", "5", "--block-time", "0.1", "--tempo", "60", "--characters", "good"];
  const subnet = await startSubnet([old], place, flags);
  try {
    const quick = ["--neuron.device", "cpu", "--neuron.num_followup_steps", "1", "--in-container"];
    const update = ["--auto-update", "on", "--update.interval", "0.1"];
    const validator = start([own, ...subnet.runArguments, ...quick, ...update], place);
    const state = await waitFor("a state", validator, () => {
      const [path] = new Bun.Glob("**/state.sqlite").scanSync({ cwd: place.root, dot: true, absolute: true });
      return path && dirname(path);
    });
    await waitFor("a step", validator, () => /step=/.test(validator.output()) || undefined);
    await offer();
    let lastOf = 0;
    for (const end = performance.now() + MOVE_TIMEOUT_MS; ; ) {
      if (performance.now() > end)
        throw new Error(`it stayed where it was:\n${validator.output().slice(-2000)}`);
      const status = await readStatus(state).catch(() => undefined);
      if (status?.phase === "running" && status.version === OLD) lastOf = performance.now();
      if (status?.phase === "running" && status.version === NEXT) break;
      await sleep(LOOK_EVERY_MS);
    }
    const value = (performance.now() - lastOf) / 1000;
    await validator.stop();
    return [{ name: "no validator runs while it goes to a release", value, unit: "s" }];
  } finally {
    await subnet.running.stop();
  }
}
