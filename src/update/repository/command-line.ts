import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Key } from "@tufjs/models";
import { z } from "zod";
import { fetchArtifact, findRelease } from "../artifact.ts";
import { CHANNELS, type Channel, channelPath, isVersion } from "../release.ts";
import { readTrusted } from "../trust.ts";
import { type Built, executableName, readArtifacts } from "./artifacts.ts";
import { minisignPublicKey } from "./minisign.ts";
import { endingSoon, oldestReader, publish, redate, resign } from "./publish.ts";
import { type Role, type RoleName, UpdateRepository } from "./repository.ts";
import { keyOf, newPrivateKey, pemOf, publicKeyOf, readPrivateKey, type Signer, signerOf } from "./signer.ts";

/** There is time to fetch an offline key. */
const ALARM_DAYS = 30;

const OPTIONS = {
  repository: { type: "string" },
  "root-key": { type: "string", multiple: true },
  "release-key": { type: "string" },
  "online-key": { type: "string" },
  "root-public": { type: "string", multiple: true },
  "release-public": { type: "string" },
  "online-public": { type: "string" },
  threshold: { type: "string" },
  from: { type: "string" },
  channel: { type: "string" },
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

type Tool = (values: Values, rest: readonly string[]) => Promise<void> | void;

/** What the keepers of releases do, by its first word; private keys come from files or as `env:NAME`. */
export const RELEASE_TOOLS: Readonly<Record<string, Tool>> = {
  /** `key FILE.pem`: a new key, for a role of the repository, and its public half in FILE.pub. */
  key(_, [file]) {
    if (file === undefined) throw new Error("name the file of the new key");
    const publicFile = `${file.replace(/\.pem$/, "")}.pub`;
    for (const one of [file, publicFile])
      if (existsSync(one)) throw new Error(`${one} is there already; a key is not overwritten`);
    const key = newPrivateKey();
    writeFileSync(file, pemOf(key), { mode: 0o600, flag: "wx" });
    writeFileSync(publicFile, `${publicKeyOf(key).toString("hex")}\n`, { flag: "wx" });
    tell(`public key  ${publicKeyOf(key).toString("hex")}\nminisign    ${minisignPublicKey(key)}`);
  },

  /** `root`: the first root, or the next one with other keys where they are given and the same where not. */
  root(values) {
    const repository = repositoryOf(values);
    const before = repository.roles();
    const roles = rolesOf(values, before?.roles);
    const signers = need(values, "root-key").map((place) => signerAt(place));
    const version = (before?.version ?? 0) + 1;
    // Programs go from root to root: each has to be signed by its own keys and by those of the one before.
    requireEnough(roles.root, signers, `root ${version}`);
    if (before !== undefined) requireEnough(before.roles.root, signers, `root ${before.version}`);
    repository.root(version, roles, signers);
    tell(`root ${version} is in ${join(repository.directory, "metadata", `${version}.root.json`)}`);
  },

  /** `sign`: a release of what was built, or without `--from` what is released once more. */
  async sign(values) {
    const repository = repositoryOf(values);
    const privateKey = readPrivateKey(need(values, "release-key"), process.env);
    const releaseKey = { signer: signerOf(privateKey), privateKey };
    const onlineKey = signerAt(need(values, "online-key"));
    const roles = repository.roles()?.roles;
    if (roles === undefined) throw new Error(`${repository.directory} has no root yet`);
    requireEnough(roles.targets, [releaseKey.signer], "a release");
    requireEnough(roles.timestamp, [onlineKey], "the date of a release");
    if (values.from === undefined) {
      resign(repository, releaseKey.signer, onlineKey);
      tell("signed once more");
      return;
    }
    const from = resolve(values.from);
    const built = await readArtifacts(from);
    if (!/^[0-9a-f]{40}$/.test(built.commit))
      throw new Error(`${built.commit} is no commit that anybody else could build`);
    requireOurRoot(repository, built);
    requireFacts(built, from);
    const work = mkdtempSync(join(tmpdir(), "openvalidator-release-"));
    try {
      const added = await publish({
        repository,
        channel: channelOf(values),
        facts: {
          version: built.version,
          commit: built.commit,
          urgency: z.enum(["low", "medium", "high"]).parse(values.urgency ?? "low"),
          minVersion: versionOf(values["min-version"] ?? "0.0.0"),
          rollbackTo: versionOf(values["rollback-to"] ?? oldestReader(repository, built)),
          stateVersion: built.stateVersion,
          issued: new Date().toISOString(),
          notes: values.notes ?? null,
          rollout: rolloutOf(values.rollout),
          revoked: (values.revoke ?? []).map(versionOf),
        },
        from,
        targets: built.targets,
        work,
        releaseKey,
        onlineKey,
      });
      tell(added.join("\n"));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },

  /** `redate`: weekly. */
  redate(values) {
    const repository = repositoryOf(values);
    const onlineKey = signerAt(need(values, "online-key"));
    const roles = repository.roles()?.roles;
    if (roles !== undefined) requireEnough(roles.timestamp, [onlineKey], "the date of a release");
    redate(repository, onlineKey);
    tell("signed anew");
  },

  /** `due`: the alarm, which fails when an offline key has to be fetched soon. */
  due(values) {
    const alarms = endingSoon(repositoryOf(values), ALARM_DAYS);
    if (alarms.length > 0) throw new Error(alarms.join("\n"));
    tell(`no offline key is needed for ${ALARM_DAYS} days`);
  },

  /** `verify`: what a program with this root would take from a server, downloaded and checked as it does. */
  async verify(values) {
    const work = mkdtempSync(join(tmpdir(), "openvalidator-verify-"));
    try {
      const files = await readTrusted({
        urls: [need(values, "url")],
        root: readFileSync(need(values, "root"), "utf8"),
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
export async function runReleaseTool(words: readonly string[]): Promise<void> {
  const { values, positionals } = parse(words);
  const [name = "", ...rest] = positionals;
  await RELEASE_TOOLS[name]!(values, rest);
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}

function repositoryOf(values: Values): UpdateRepository {
  return new UpdateRepository(resolve(need(values, "repository")));
}

function signerAt(place: string): Signer {
  return signerOf(readPrivateKey(place, process.env));
}

/** A public key as hex, or the file that `key` wrote. */
function publicKeyAt(place: string): Key {
  return keyOf(/^[0-9a-f]{64}$/.test(place) ? place : readFileSync(place, "utf8").trim());
}

function rolesOf(values: Values, before: Record<RoleName, Role> | undefined): Record<RoleName, Role> {
  const role = (option: "root-public" | "release-public" | "online-public", same: Role | undefined): Role => {
    const places = values[option];
    if (places === undefined && same !== undefined) return same;
    return { keys: [need(values, option)].flat().map(publicKeyAt), threshold: 1 };
  };
  const root = role("root-public", before?.root);
  const online = role("online-public", before?.timestamp);
  return {
    root: { ...root, threshold: Number(values.threshold ?? before?.root.threshold ?? 1) },
    targets: role("release-public", before?.targets),
    snapshot: online,
    timestamp: online,
  };
}

/** What is signed by too few keys would be refused by every program, and a root of that kind cuts them off. */
function requireEnough({ keys, threshold }: Role, signers: readonly Signer[], what: string): void {
  const known = new Set(keys.map(({ keyID }) => keyID));
  const count = new Set(signers.map(({ key }) => key.keyID).filter((id) => known.has(id))).size;
  if (count < threshold)
    throw new Error(`${what} needs ${threshold} of ${known.size} keys, and ${count} of them are given`);
}

/** Executables with the root of another repository would find no release after this one. */
function requireOurRoot(repository: UpdateRepository, built: Built): void {
  const same = repository
    .roots()
    .some((root) => JSON.stringify(JSON.parse(root)) === JSON.stringify(JSON.parse(built.root)));
  if (!same)
    throw new Error(`these executables were built with a root that ${repository.directory} does not have`);
}

/** What the executables that run here say of themselves is what would be signed of them. */
function requireFacts({ version, commit, targets }: Built, from: string): void {
  let asked = 0;
  for (const target of targets) {
    let output: string;
    try {
      const command = [join(from, executableName(target)), "version", "--json"];
      const { exitCode, stdout } = Bun.spawnSync(command, { env: { PATH: "/usr/bin:/bin" } });
      if (exitCode !== 0) continue;
      output = stdout.toString();
    } catch {
      continue; // of another platform: the next one may run
    }
    asked++;
    const said = z.object({ version: z.string(), commit: z.string() }).parse(JSON.parse(output));
    if (said.version !== version || said.commit !== commit)
      throw new Error(`${target} says it is ${said.version} of ${said.commit}, not ${version} of ${commit}`);
  }
  if (asked === 0)
    throw new Error("none of the executables runs on this machine, so nothing tells their version");
}

function channelOf({ channel }: Values): Channel {
  return z.enum(CHANNELS).parse(channel ?? "stable");
}

function versionOf(text: string): string {
  if (!isVersion(text)) throw new Error(`${text} is no version`);
  return text;
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
