import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { fetchArtifact, findRelease } from "../artifact.ts";
import { CHANNELS, type Channel, channelPath, isVersion } from "../release.ts";
import { readTrusted } from "../trust.ts";
import { minisignPublicKey } from "./minisign.ts";
import { endingSoon, publish, redate } from "./publish.ts";
import { UpdateRepository } from "./repository.ts";
import { keyOf, newPrivateKey, pemOf, publicKeyOf, readPrivateKey, signerOf } from "./signer.ts";

/** The alarm of the weekly run: there is time to fetch an offline key. */
const ALARM_DAYS = 30;

const OPTIONS = {
  repository: { type: "string" },
  "root-key": { type: "string", multiple: true },
  "previous-root-key": { type: "string", multiple: true },
  "release-key": { type: "string" },
  "online-key": { type: "string" },
  "root-public": { type: "string", multiple: true },
  "release-public": { type: "string" },
  "online-public": { type: "string" },
  threshold: { type: "string" },
  channel: { type: "string" },
  binary: { type: "string", multiple: true },
  earlier: { type: "string", multiple: true },
  urgency: { type: "string" },
  "min-version": { type: "string" },
  "rollback-to": { type: "string" },
  notes: { type: "string" },
  rollout: { type: "string" },
  revoke: { type: "string", multiple: true },
  url: { type: "string" },
  root: { type: "string" },
  target: { type: "string" },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(words: readonly string[]) {
  return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
}

function need<Name extends keyof Values>(values: Values, name: Name): NonNullable<Values[Name]> {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value as NonNullable<Values[Name]>;
}

type Tool = (values: Values, rest: readonly string[], stateVersion: number) => Promise<void> | void;

/** What the keepers of releases do, by its first word; keys come from files or as `env:NAME`. */
export const RELEASE_TOOLS: Readonly<Record<string, Tool>> = {
  /** `key FILE`: a new key, for a role of the repository. */
  key(_, [file]) {
    if (file === undefined) throw new Error("name the file of the new key");
    if (existsSync(file)) throw new Error(`${file} is there already; a key is not overwritten`);
    const key = newPrivateKey();
    writeFileSync(file, pemOf(key), { mode: 0o600, flag: "wx" });
    tell(`public key  ${publicKeyOf(key).toString("hex")}\nminisign    ${minisignPublicKey(key)}`);
  },

  /** `root`: the next root, signed by the root keys at hand and, in a rotation, by those of the root before. */
  root(values) {
    const repository = new UpdateRepository(resolve(need(values, "repository")));
    const keys = (places: readonly string[] = []) =>
      places.map((place) => signerOf(readPrivateKey(place, process.env)));
    const signers = keys(need(values, "root-key"));
    const rootKeys = [...signers.map(({ key }) => key), ...(values["root-public"] ?? []).map(keyOf)];
    const online = { keys: [keyOf(need(values, "online-public"))], threshold: 1 };
    const version = (repository.newest("root")?.version ?? 0) + 1;
    repository.root(
      version,
      {
        root: { keys: rootKeys, threshold: Number(values.threshold ?? 1) },
        targets: { keys: [keyOf(need(values, "release-public"))], threshold: 1 },
        snapshot: online,
        timestamp: online,
      },
      [...signers, ...keys(values["previous-root-key"])],
    );
    tell(`root ${version} is in ${join(repository.directory, "metadata", `${version}.root.json`)}`);
  },

  /** `publish`: a release of executables that are built. */
  async publish(values, _, stateVersion) {
    const repository = new UpdateRepository(resolve(need(values, "repository")));
    const binaries = Object.fromEntries(
      need(values, "binary").map((one) => pairOf(one, "--binary TARGET=PATH")),
    );
    const { version, commit } = factsOf(Object.values(binaries));
    const privateKey = readPrivateKey(need(values, "release-key"), process.env);
    const work = mkdtempSync(join(tmpdir(), "openvalidator-release-"));
    try {
      const added = await publish({
        repository,
        channel: channelOf(values),
        facts: {
          version,
          commit,
          urgency: z.enum(["low", "medium", "high"]).parse(values.urgency ?? "low"),
          minVersion: versionOf(values["min-version"] ?? "0.0.0"),
          rollbackTo: versionOf(values["rollback-to"] ?? "0.0.0"),
          stateVersion,
          issued: new Date().toISOString(),
          notes: values.notes ?? null,
          rollout: rolloutOf(values.rollout),
          revoked: (values.revoke ?? []).map(versionOf),
        },
        binaries,
        earlier: (values.earlier ?? []).map((one) => {
          const [where, path] = pairOf(one, "--earlier VERSION/TARGET=PATH");
          const [earlier = "", target = ""] = where.split("/");
          return { version: versionOf(earlier), target, path };
        }),
        work,
        releaseKey: { signer: signerOf(privateKey), privateKey },
        onlineKey: signerOf(readPrivateKey(need(values, "online-key"), process.env)),
      });
      tell(added.join("\n"));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },

  /** `redate`: weekly; fails when an offline key has to be fetched soon. */
  redate(values) {
    const repository = new UpdateRepository(resolve(need(values, "repository")));
    redate(repository, signerOf(readPrivateKey(need(values, "online-key"), process.env)));
    const alarms = endingSoon(repository, ALARM_DAYS);
    if (alarms.length > 0) throw new Error(alarms.join("\n"));
    tell("signed anew");
  },

  /** `verify`: what a program with this root would take from a server, downloaded and checked as it does. */
  async verify(values) {
    const work = mkdtempSync(join(tmpdir(), "openvalidator-verify-"));
    try {
      const files = await readTrusted({
        urls: [need(values, "url")],
        root: await Bun.file(need(values, "root")).text(),
        cacheDirectory: join(work, "trusted"),
        builtAtMs: 0,
      });
      const path = channelPath(channelOf(values), need(values, "target"));
      const found = await findRelease(files, path);
      if (found === undefined) throw new Error(`nothing is released at ${path}`);
      const arrival = await fetchArtifact(files, found, { to: join(work, "openvalidator") });
      const { version, commit, unpackedSha256 } = found.release;
      tell(`${version} ${commit} ${unpackedSha256} ${arrival.downloadedBytes} bytes`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

/** Runs a tool. @throws Error, one sentence */
export async function runReleaseTool(words: readonly string[], stateVersion: number): Promise<void> {
  const { values, positionals } = parse(words);
  const [name = "", ...rest] = positionals;
  await RELEASE_TOOLS[name]!(values, rest, stateVersion);
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}

function channelOf({ channel }: Values): Channel {
  return z.enum(CHANNELS).parse(channel ?? "stable");
}

function versionOf(text: string): string {
  if (!isVersion(text)) throw new Error(`${text} is no version`);
  return text;
}

function pairOf(text: string, form: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Error(`${text} is not ${form}`);
  return [text.slice(0, at), resolve(text.slice(at + 1))];
}

/** `0h:5,12h:25,36h:100` */
function rolloutOf(text: string | undefined): { afterHours: number; percent: number }[] {
  if (text === undefined) return [];
  return text.split(",").map((stage) => {
    const [, afterHours, percent] = /^(\d+)h:(\d+)$/.exec(stage.trim()) ?? [];
    if (afterHours === undefined) throw new Error(`${stage} is no stage such as 12h:25`);
    return { afterHours: Number(afterHours), percent: Number(percent) };
  });
}

/** Version and commit, as the first of the executables that runs here says them. */
function factsOf(paths: readonly string[]): { version: string; commit: string } {
  for (const path of paths) {
    try {
      const { exitCode, stdout } = Bun.spawnSync([path, "version", "--json"], {
        env: { PATH: "/usr/bin:/bin" },
      });
      if (exitCode === 0)
        return z.object({ version: z.string(), commit: z.string() }).parse(JSON.parse(stdout.toString()));
    } catch {
      // Of another platform: the next one may run.
    }
  }
  throw new Error("none of the executables runs on this machine, so nothing tells their version");
}
