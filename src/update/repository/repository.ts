import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import {
  type Key,
  Metadata,
  MetadataKind,
  MetaFile,
  Root,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from "@tufjs/models";
import type { Delta, Release } from "../release.ts";
import type { Signer } from "./signer.ts";

const SPEC_VERSION = "1.0.31";
const DAY_MS = 86_400_000;
/** Root and release keys lie offline; who has the online key can only hold a release back for as long as this. */
const VALID_DAYS = { root: 730, targets: 365, snapshot: 30, timestamp: 30 } as const;

export type RoleName = "root" | "timestamp" | "snapshot" | "targets";
export interface Role {
  keys: readonly Key[];
  /** How many of them have to sign. */
  threshold: number;
}

/** A file of a release before its path is known. */
export interface Artifact {
  file: string;
  custom: Release | Delta;
}

/** What was signed, for what is signed on top of it. */
export interface Signed {
  version: number;
  lengthBytes: number;
  sha256: string;
}

/** Writes a repository of The Update Framework with consistent snapshots, as plain files for any static server. */
export class UpdateRepository {
  readonly directory: string;
  readonly #now: () => number;

  constructor(directory: string, now: () => number = Date.now) {
    this.directory = directory;
    this.#now = now;
  }

  /**
   * Offline, rare.
   * @param signers of the root keys, and where it takes the place of another root, of that one's too
   * @throws Error when a role has one key twice, for such a key would count twice, or a threshold that cannot be met
   */
  root(
    version: number,
    roles: Readonly<Record<RoleName, Role>>,
    signers: readonly Signer[],
    days: number = VALID_DAYS.root,
  ): void {
    for (const [name, { keys, threshold }] of Object.entries(roles)) {
      if (new Set(keys.map((key) => key.keyVal.public)).size < keys.length)
        throw new Error(`the role ${name} has the same key twice`);
      if (threshold < 1 || threshold > keys.length)
        throw new Error(`the role ${name} needs ${threshold} of ${keys.length} keys`);
    }
    const { specVersion, expires } = this.#common(version, days);
    const keys = Object.values(roles).flatMap((role) => role.keys);
    const root = Root.fromJSON({
      _type: "root",
      spec_version: specVersion,
      version,
      expires,
      consistent_snapshot: true,
      keys: Object.fromEntries(keys.map((key) => [key.keyID, key.toJSON()])),
      roles: Object.fromEntries(
        Object.entries(roles).map(([name, { keys, threshold }]) => [
          name,
          { keyids: keys.map(({ keyID }) => keyID), threshold },
        ]),
      ),
    });
    const distinct = new Map(signers.map((signer) => [signer.key.keyID, signer]));
    this.#publish(`${version}.root.json`, root, [...distinct.values()]);
  }

  /** For each release: every path with its file, signed by the offline release key. */
  targets(
    version: number,
    entries: readonly TargetFile[],
    signers: readonly Signer[],
    days: number = VALID_DAYS.targets,
  ): Signed {
    const targets = Object.fromEntries(entries.map((entry) => [entry.path, entry]));
    const signed = new Targets({ ...this.#common(version, days), targets });
    return this.#publish(`${version}.targets.json`, signed, signers);
  }

  /** For each release, and again before it expires: the online key only repeats what the release key signed. */
  snapshot(
    version: number,
    targets: Signed,
    signers: readonly Signer[],
    days: number = VALID_DAYS.snapshot,
  ): Signed {
    const meta = { "targets.json": metaFile(targets) };
    return this.#publish(
      `${version}.snapshot.json`,
      new Snapshot({ ...this.#common(version, days), meta }),
      signers,
    );
  }

  timestamp(
    version: number,
    snapshot: Signed,
    signers: readonly Signer[],
    days: number = VALID_DAYS.timestamp,
  ): void {
    this.#publish(
      "timestamp.json",
      new Timestamp({ ...this.#common(version, days), snapshotMeta: metaFile(snapshot) }),
      signers,
    );
  }

  #common(version: number, days: number) {
    // Whole seconds: the specification knows no fractions.
    const expires = `${new Date(this.#now() + days * DAY_MS).toISOString().slice(0, 19)}Z`;
    return { specVersion: SPEC_VERSION, version, expires };
  }

  #publish(name: string, signed: Root | Timestamp | Snapshot | Targets, signers: readonly Signer[]): Signed {
    const metadata = new Metadata<Root | Timestamp | Snapshot | Targets>(signed);
    for (const signer of signers) metadata.sign((data) => signer.sign(data));
    const bytes = Buffer.from(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`);
    const file = join(this.directory, "metadata", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return { version: signed.version, lengthBytes: bytes.length, sha256: sha256(bytes) };
  }

  /** Puts a file where clients look for it, under its hash, and gives what the release key has to sign of it. */
  store(path: string, { file, custom }: Artifact): TargetFile {
    const bytes = readFileSync(file);
    const entry = new TargetFile({
      path,
      length: bytes.length,
      hashes: { sha256: sha256(bytes) },
      unrecognizedFields: { custom: { ...custom } },
    });
    const stored = this.stored(entry);
    mkdirSync(dirname(stored), { recursive: true });
    copyFileSync(file, stored);
    return entry;
  }

  /** Where the file of an entry lies. */
  stored({ path, hashes }: TargetFile): string {
    const { dir, base } = posix.parse(path);
    return join(this.directory, "targets", dir, `${hashes.sha256}.${base}`);
  }

  /** What the newest file of a role says, unverified; undefined when there is none. */
  newest(role: "root" | "targets" | "snapshot"): { version: number; bytes: Buffer } | undefined {
    const versions = this.#versions(role);
    if (versions.length === 0) return undefined;
    const version = Math.max(...versions);
    return { version, bytes: readFileSync(join(this.directory, "metadata", `${version}.${role}.json`)) };
  }

  #versions(role: string): number[] {
    const folder = join(this.directory, "metadata");
    return (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
      const [, version, of] = /^(\d+)\.(root|targets|snapshot)\.json$/.exec(name) ?? [];
      return of === role ? [Number(version)] : [];
    });
  }

  /** Every root so far, as JSON text. */
  roots(): string[] {
    return this.#versions("root").map((version) =>
      readFileSync(join(this.directory, "metadata", `${version}.root.json`), "utf8"),
    );
  }

  /** Who may sign by the newest root; undefined when there is none yet. */
  roles(): { version: number; roles: Record<RoleName, Role> } | undefined {
    const newest = this.newest("root");
    if (newest === undefined) return undefined;
    const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(newest.bytes.toString("utf8"))).signed;
    const role = (name: RoleName): Role => {
      const { keyIDs, threshold } = root.roles[name]!;
      return { keys: keyIDs.map((id) => root.keys[id]!), threshold };
    };
    return {
      version: newest.version,
      roles: {
        root: role("root"),
        targets: role("targets"),
        snapshot: role("snapshot"),
        timestamp: role("timestamp"),
      },
    };
  }

  /** The newest targets: what is released, and what a snapshot says of it. */
  released(): { entries: TargetFile[]; signed: Signed } | undefined {
    const newest = this.newest("targets");
    if (newest === undefined) return undefined;
    const { version, bytes } = newest;
    const { targets } = Metadata.fromJSON(MetadataKind.Targets, JSON.parse(bytes.toString("utf8"))).signed;
    return {
      entries: Object.values(targets),
      signed: { version, lengthBytes: bytes.length, sha256: sha256(bytes) },
    };
  }
}

function metaFile({ version, lengthBytes, sha256 }: Signed): MetaFile {
  return new MetaFile({ version, length: lengthBytes, hashes: { sha256 } });
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
