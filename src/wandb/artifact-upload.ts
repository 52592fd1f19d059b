import { createHash } from "node:crypto";
import { z } from "zod";
import { type RunPlace, type UploadPlace, type WandbApi, WandbRefusal } from "./api.ts";

/** One version of something that a run made: one file under a name that all its versions share. */
export interface Artifact {
  name: string;
  type: string;
  description: string;
  metadata: Record<string, unknown>;
  /** Name of the file within. */
  file: string;
  /** ISO 8601. */
  madeAt: string;
  /** Of our making (`newClientId`): by them a server knows the version again when it is sent once more. */
  clientId: string;
  sequenceId: string;
}

const MANIFEST = "wandb_manifest.json";
/** As in the official client. */
const CLIENT_ID_LENGTH = 128;
const CLIENT_ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
const MAX_NAME_LENGTH = 128;

const created = z.object({
  createArtifact: z.object({
    artifact: z.object({
      id: z.string(),
      state: z.string(),
      artifactSequence: z.object({ latestArtifact: z.object({ id: z.string() }).nullable() }),
    }),
  }),
});
const uploadFields = {
  uploadUrl: z.string().nullish(),
  uploadHeaders: z
    .array(z.string())
    .nullish()
    .transform((headers) => headers ?? []),
};
const manifestMade = z.object({
  createArtifactManifest: z.object({
    artifactManifest: z.object({ id: z.string(), file: z.object(uploadFields) }),
  }),
});
const filesMade = z.object({
  createArtifactFiles: z.object({
    files: z.object({
      edges: z.tuple([
        z.object({ node: z.object({ ...uploadFields, artifact: z.object({ id: z.string() }) }) }),
      ]),
    }),
  }),
});

const CREATE = `mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
}`;
const CREATE_MANIFEST = `mutation CreateArtifactManifest($artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!, $entityName: String!, $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!, $includeUpload: Boolean!) {
  createArtifactManifest(input: {artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest, entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType}) {
    artifactManifest { id file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) } }
  }
}`;
const CREATE_FILES = `mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node { storagePath uploadUrl uploadHeaders artifact { id } } } } }
}`;
const COMMIT = `mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
}`;

/** A name that W&B takes: it has no slash, and no more characters than it may. */
export function artifactName(text: string): string {
  return text.replace(/[^\w.-]/g, "_").slice(-MAX_NAME_LENGTH);
}

export function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(CLIENT_ID_LENGTH));
  return Array.from(bytes, (value) => CLIENT_ID_CHARACTERS[value % CLIENT_ID_CHARACTERS.length]).join("");
}

/**
 * Uploads artifacts, one at a time: each version is told of the one before it. Doing it twice is as doing it once, and of
 * a content that is there already nothing is sent.
 */
export class ArtifactUploads {
  readonly #api: WandbApi;
  #last: Promise<unknown> = Promise.resolve();
  /** When the newest version was made that this process uploaded, by name. */
  readonly #newest = new Map<string, string>();

  constructor(api: WandbApi) {
    this.#api = api;
  }

  /**
   * @param run known to the server
   * @throws WandbRefusal; Failure `deadline.aborted`
   */
  upload(
    run: RunPlace & { id: string },
    artifact: Artifact,
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const upload = this.#last.then(() => this.#upload(run, artifact, bytes, signal));
    // The next one has its own try, whatever became of this.
    this.#last = upload.catch(() => undefined);
    return upload;
  }

  async #upload(
    run: RunPlace & { id: string },
    artifact: Artifact,
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const md5 = createHash("md5").update(bytes).digest("base64");
    const { id, isThere, base } = await this.#create(run, artifact, md5, signal);
    if (!isThere) {
      const manifestId = await this.#manifest(run, { id, base }, undefined, signal);
      const birth = await this.#file({ id, manifestId }, artifact.file, md5, bytes, signal);
      const entry = { digest: md5, size: bytes.length, birthArtifactID: birth, skip_cache: false };
      const manifest = {
        version: 1,
        storagePolicy: "wandb-storage-policy-v1",
        storagePolicyConfig: { storageLayout: "V2" },
        contents: { [artifact.file]: entry },
      };
      await this.#manifest(run, { id, base }, JSON.stringify(manifest), signal);
      await this.#api.graphql(COMMIT, { artifactID: id }, signal);
    }
    const newest = this.#newest.get(artifact.name) ?? "";
    if (artifact.madeAt > newest) this.#newest.set(artifact.name, artifact.madeAt);
  }

  async #create(
    { entity, project, id }: RunPlace & { id: string },
    { name, type, description, metadata, file, madeAt, clientId, sequenceId }: Artifact,
    md5: string,
    signal: AbortSignal,
  ): Promise<{ id: string; isThere: boolean; base: string | null }> {
    // A run of before may come late, when a newer version is there.
    const isNewest = madeAt >= (this.#newest.get(name) ?? "");
    const input = {
      entityName: entity,
      projectName: project,
      runName: id,
      artifactTypeName: type,
      artifactCollectionName: name,
      digest: createHash("md5").update(`wandb-artifact-manifest-v1\n${file}:${md5}\n`).digest("hex"),
      digestAlgorithm: "MANIFEST_MD5",
      aliases: isNewest ? [{ artifactCollectionName: name, alias: "latest" }] : [],
      description,
      metadata: JSON.stringify(metadata),
      enableDigestDeduplication: true,
      clientID: clientId,
      sequenceClientID: sequenceId,
    };
    const { artifact } = created.parse(await this.#api.graphql(CREATE, { input }, signal)).createArtifact;
    const { latestArtifact: latest } = artifact.artifactSequence;
    const base = latest === null || latest.id === artifact.id ? null : latest.id;
    return { id: artifact.id, isThere: artifact.state === "COMMITTED", base };
  }

  /**
   * Makes the list of files of a version, without its text before the files are there, and then with it.
   * @returns its id
   */
  async #manifest(
    { entity, project, id: run }: RunPlace & { id: string },
    { id, base }: { id: string; base: string | null },
    text: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const variables = {
      artifactID: id,
      baseArtifactID: base,
      name: MANIFEST,
      digest: text === undefined ? "" : createHash("md5").update(text).digest("base64"),
      entityName: entity,
      projectName: project,
      runName: run,
      manifestType: "FULL",
      includeUpload: text !== undefined,
    };
    const answer = await this.#api.graphql(CREATE_MANIFEST, variables, signal);
    const { artifactManifest: made } = manifestMade.parse(answer).createArtifactManifest;
    if (text !== undefined) {
      const place = placeOf(made.file);
      if (place === undefined)
        throw new WandbRefusal("the W&B server names no place for a manifest", 200, true);
      await this.#api.put(place, Buffer.from(text, "utf8"), signal);
    }
    return made.id;
  }

  /** @returns id of the version that the server has the content of */
  async #file(
    { id, manifestId }: { id: string; manifestId: string },
    name: string,
    md5: string,
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<string> {
    const file = { artifactID: id, artifactManifestID: manifestId, name, md5 };
    const input = { artifactFiles: [file], storageLayout: "V2" };
    const answer = await this.#api.graphql(CREATE_FILES, { input }, signal);
    const [{ node }] = filesMade.parse(answer).createArtifactFiles.files.edges;
    const place = placeOf(node);
    // None: the server has this content already.
    if (place !== undefined) await this.#api.put(place, bytes, signal);
    return node.artifact.id;
  }
}

function placeOf({
  uploadUrl,
  uploadHeaders,
}: {
  uploadUrl?: string | null | undefined;
  uploadHeaders: string[];
}): UploadPlace | undefined {
  return uploadUrl ? { address: uploadUrl, headers: uploadHeaders } : undefined;
}
