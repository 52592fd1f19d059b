import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import type { TargetFile } from "@tufjs/models";
import { type Channel, channelPath, deltaPath, type Release, releasePath } from "../../src/update/release.ts";
import {
  type Artifact,
  type Role,
  type RoleName,
  type Signed,
  UpdateRepository,
} from "../../src/update/repository/repository.ts";
import { newSigner, type Signer } from "../../src/update/repository/signer.ts";
import type { UpdateSource } from "../../src/update/trust.ts";

export const PLATFORM = "linux-x64";

/** What the server does to a request in place of giving the file; undefined = gives it. */
export type Fault = (path: string, request: Request) => Response | Promise<Response> | undefined;

/** Keys, a repository signed with them, and a server that gives it to whoever asks. */
export class ReleaseServer {
  readonly keys = { root: [newSigner()], targets: [newSigner()], online: [newSigner()] };
  readonly repository: UpdateRepository;
  readonly requests: string[] = [];
  fault: Fault | undefined;
  #server: Bun.Server<undefined> | undefined;
  readonly #entries = new Map<string, TargetFile>();
  #versions = { root: 0, targets: 0, online: 0 };
  #targets: Signed | undefined;
  readonly #firstRoot: string;

  constructor(readonly directory: string) {
    this.repository = new UpdateRepository(join(directory, "public"));
    this.rotateRoot();
    this.#firstRoot = readFileSync(this.path("1.root.json"), "utf8");
  }

  /** A root for the keys as they are now; signed by those of the root before it too. */
  rotateRoot(previous: readonly Signer[] = [], days?: number, roles = this.roles()): void {
    this.repository.root(++this.#versions.root, roles, [...this.keys.root, ...previous], days);
  }

  roles(): Record<RoleName, Role> {
    const { root, targets, online } = this.keys;
    return {
      root: roleOf(root),
      targets: roleOf(targets),
      snapshot: roleOf(online),
      timestamp: roleOf(online),
    };
  }

  /** Makes a release of some bytes and shows it in a channel. */
  release(
    version: string,
    bytes: Uint8Array,
    changes: Partial<Release> = {},
    channel: Channel = "stable",
  ): Release {
    const release = describe(version, bytes, changes);
    const artifact = this.#artifact(`${version}.zst`, zstdCompressSync(bytes), release);
    this.#store(channelPath(channel, PLATFORM), artifact);
    this.#store(releasePath(version, PLATFORM), artifact);
    this.publish();
    return release;
  }

  /** Adds the difference between two releases, as its packed bytes. */
  delta(from: string, to: Release, packed: Uint8Array): void {
    const { version, unpackedBytes, unpackedSha256 } = to;
    const custom = { from, version, unpackedBytes, unpackedSha256 };
    const artifact = this.#artifact(`${from}-${version}.delta`, packed, custom);
    this.#store(deltaPath(from, version, PLATFORM), artifact);
    this.publish();
  }

  #store(path: string, artifact: Artifact): void {
    this.#entries.set(path, this.repository.store(path, artifact));
  }

  #artifact(name: string, packed: Uint8Array, custom: Artifact["custom"]): Artifact {
    const file = join(this.directory, name);
    writeFileSync(file, packed);
    return { file, custom };
  }

  /** Signs what there is anew, as a release does; other signers and days for attacks. */
  publish({
    targetsDays,
    signers = this.keys.targets,
  }: {
    targetsDays?: number;
    signers?: Signer[];
  } = {}): void {
    this.#targets = this.repository.targets(
      ++this.#versions.targets,
      [...this.#entries.values()],
      signers,
      targetsDays,
    );
    this.redate();
  }

  /** What the online key does each week. */
  redate({
    snapshotDays,
    timestampDays,
    signers = this.keys.online,
    version = ++this.#versions.online,
  }: {
    snapshotDays?: number;
    timestampDays?: number;
    signers?: Signer[];
    version?: number;
  } = {}): void {
    this.#versions.online = version;
    const snapshot = this.repository.snapshot(version, this.#targets!, signers, snapshotDays);
    this.repository.timestamp(version, snapshot, signers, timestampDays);
  }

  get versions() {
    return { ...this.#versions };
  }

  path(name: string): string {
    return join(this.repository.directory, "metadata", name);
  }

  /** The first root, as programs carry it. */
  root(): string {
    return this.#firstRoot;
  }

  start(): string {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        this.requests.push(pathname);
        const answer = await this.fault?.(pathname, request);
        if (answer !== undefined) return answer;
        const file = Bun.file(join(this.repository.directory, pathname));
        if (!(await file.exists())) return new Response("none", { status: 404 });
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
        if (start === 0) return new Response(file);
        const range = `bytes ${start}-${file.size - 1}/${file.size}`;
        return new Response(file.slice(start), { status: 206, headers: { "content-range": range } });
      },
    });
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server!.port}`;
  }

  async stop(): Promise<void> {
    await this.#server?.stop(true);
  }

  source(cacheDirectory: string, changes: Partial<UpdateSource> = {}): UpdateSource {
    return {
      urls: [this.url],
      root: this.root(),
      cacheDirectory,
      builtAtMs: Date.UTC(2026, 0),
      // One attempt: faults here stay.
      access: { retry: { firstMs: 1, maxMs: 1, attempts: 1 } },
      ...changes,
    };
  }
}

export function describe(version: string, bytes: Uint8Array, changes: Partial<Release> = {}): Release {
  return {
    version,
    commit: "c".repeat(40),
    target: PLATFORM,
    urgency: "low",
    minVersion: "0.0.1",
    rollbackTo: "0.0.1",
    stateVersion: 1,
    issued: "2026-11-01T00:00:00Z",
    notes: null,
    rollout: [],
    revoked: [],
    unpackedBytes: bytes.length,
    unpackedSha256: createHash("sha256").update(bytes).digest("hex"),
    ...changes,
  };
}

export function roleOf(signers: readonly Signer[], threshold = 1): Role {
  return { keys: signers.map(({ key }) => key), threshold };
}
