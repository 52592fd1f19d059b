import { type DoubleStorage, fileNode, pageOf, type StoredFile } from "./double-storage.ts";

/** A version of an artifact as the double keeps it. */
export interface StoredArtifact {
  id: string;
  name: string;
  type: string;
  entity: string;
  project: string;
  run: string;
  digest: string;
  state: "PENDING" | "COMMITTED";
  description: string | null;
  metadata: string | null;
  aliases: string[];
  version: number;
  clientId: string;
  base: string | null;
  createdAt: string;
  files: Map<string, StoredFile>;
  manifest: StoredFile | undefined;
}

interface CreateInput {
  entityName: string;
  projectName: string;
  runName: string;
  artifactTypeName: string;
  artifactCollectionName: string;
  digest: string;
  description?: string;
  metadata?: string;
  aliases?: { alias: string }[];
  clientID: string;
}

type Variables = Record<string, unknown>;
type Refuse = (status: number, message: string) => Error;

/** The artifacts of the double: made as our uploader and the official client make them, read as the latter does. */
export class DoubleArtifacts {
  readonly all: StoredArtifact[] = [];
  readonly #storage: DoubleStorage;
  readonly #origin: () => string;
  readonly #project: (name: unknown, entity: unknown) => object;
  readonly #refuse: Refuse;

  constructor(
    storage: DoubleStorage,
    origin: () => string,
    project: (name: unknown, entity: unknown) => object,
    refuse: Refuse,
  ) {
    this.#storage = storage;
    this.#origin = origin;
    this.#project = project;
    this.#refuse = refuse;
  }

  /** @returns undefined where the operation is none of artifacts */
  answer(operation: string | undefined, variables: Variables): unknown {
    const { artifactID, id } = variables as { artifactID?: string; id?: string };
    switch (operation) {
      case "CreateArtifact":
        return this.#create(variables.input as CreateInput);
      case "CreateArtifactManifest": {
        const artifact = this.#get(artifactID);
        artifact.base = (variables.baseArtifactID as string | null) ?? null;
        artifact.manifest ??= this.#storage.make(String(variables.name));
        const { manifest } = artifact;
        return {
          createArtifactManifest: { artifactManifest: { id: manifest.id, file: this.#file(manifest) } },
        };
      }
      case "CreateArtifactFiles": {
        const { artifactFiles } = variables.input as {
          artifactFiles: { artifactID: string; name: string; md5: string }[];
        };
        return {
          createArtifactFiles: {
            files: pageOf(artifactFiles, ({ artifactID: of, name, md5 }) => {
              const stored = this.#storage.make(name);
              this.#get(of).files.set(name, stored);
              const uploadHeaders = [`Content-MD5:${md5}`];
              return {
                ...this.#file(stored),
                uploadHeaders,
                uploadMultipartUrls: null,
                artifact: { id: of },
              };
            }),
          },
        };
      }
      case "CommitArtifact": {
        const artifact = this.#get(artifactID);
        const parts = [...artifact.files.values(), artifact.manifest];
        if (parts.some((part) => part?.bytes === undefined)) throw this.#refuse(400, "not uploaded");
        artifact.state = "COMMITTED";
        return { commitArtifact: { artifact: { id: artifact.id, digest: artifact.digest } } };
      }
      case "ArtifactByID":
      case "FetchArtifactManifest":
        return { artifact: this.#node(this.#get(id)) };
      case "ArtifactMembershipByName": {
        const artifact = this.#find(variables);
        return {
          project: {
            ...this.#project(variables.project, variables.entity),
            artifactCollectionMembership: artifact ? this.#membership(artifact) : null,
          },
        };
      }
      case "ArtifactType": {
        const artifact = this.#find(variables);
        return { project: { artifact: artifact ? { artifactType: { name: artifact.type } } : null } };
      }
      case "GetArtifactMembershipFileUrls": {
        const artifact = this.#find({ ...variables, name: `${variables.collection}:${variables.alias}` });
        const files = pageOf([...(artifact?.files.values() ?? [])], (file) => this.#file(file));
        const artifactMembership = { files };
        return {
          project: { artifactCollection: { __typename: "ArtifactSequence", artifactMembership } },
        };
      }
      case "ArtifactCreatedBy": {
        const { run, project, entity } = this.#get(id);
        const createdBy = {
          __typename: "Run",
          id: `Run:${run}`,
          name: run,
          project: this.#project(project, entity),
        };
        return { artifact: { createdBy } };
      }
      case "RunOutputArtifacts": {
        const list = this.#committed(variables).filter(({ run }) => run === variables.run);
        return {
          project: {
            ...this.#project(variables.project, variables.entity),
            run: { artifacts: pageOf(list, (artifact) => this.#node(artifact)) },
          },
        };
      }
      default:
        return undefined;
    }
  }

  #create(input: CreateInput): unknown {
    const {
      entityName: entity,
      projectName: project,
      artifactCollectionName: name,
      digest,
      clientID,
    } = input;
    const same = this.#committed({ entity, project }).filter((one) => one.name === name);
    const latest = same.find(({ aliases }) => aliases.includes("latest")) ?? same[0];
    let artifact =
      same.find((one) => one.digest === digest) ?? this.all.find(({ clientId }) => clientId === clientID);
    if (artifact === undefined) {
      artifact = {
        id: `Artifact:${this.all.length + 1}`,
        name,
        type: input.artifactTypeName,
        entity,
        project,
        run: input.runName,
        digest,
        state: "PENDING",
        description: input.description ?? null,
        metadata: input.metadata ?? null,
        aliases: [],
        version: same.length,
        clientId: clientID,
        base: null,
        createdAt: new Date().toISOString(),
        files: new Map(),
        manifest: undefined,
      };
      this.all.push(artifact);
    }
    for (const { alias } of input.aliases ?? []) {
      for (const one of this.all)
        if (one.name === name) one.aliases = one.aliases.filter((known) => known !== alias);
      artifact.aliases.push(alias);
    }
    const artifactSequence = {
      ...this.#collection(artifact),
      latestArtifact: latest ? { id: latest.id, versionIndex: latest.version } : null,
    };
    return { createArtifact: { artifact: { ...this.#node(artifact), artifactSequence } } };
  }

  #get(id: unknown): StoredArtifact {
    const found = this.all.find((one) => one.id === id);
    if (found === undefined) throw this.#refuse(404, "artifact not found");
    return found;
  }

  /** Newest first. */
  #committed({ entity, project }: Variables): StoredArtifact[] {
    return this.all
      .filter((one) => one.entity === entity && one.project === project && one.state === "COMMITTED")
      .sort((a, b) => b.version - a.version);
  }

  #find(variables: Variables): StoredArtifact | undefined {
    const { entity, entityName = entity, project, projectName = project } = variables;
    const [name, ref = "latest"] = String(variables.name).split(":");
    return this.#committed({ entity: entityName, project: projectName }).find(
      (one) =>
        one.name === name && (one.aliases.includes(ref) || `v${one.version}` === ref || one.digest === ref),
    );
  }

  #file(file: StoredFile): ReturnType<typeof fileNode> {
    return fileNode(this.#origin(), file);
  }

  #collection({ name, type, entity, project, createdAt }: StoredArtifact): object {
    return {
      __typename: "ArtifactSequence",
      id: `Seq:${name}`,
      name,
      type: { name: type },
      project: this.#project(project, entity),
      state: "READY",
      description: null,
      createdAt,
      updatedAt: createdAt,
      tags: pageOf([]),
      aliases: pageOf([]),
    };
  }

  #aliases(artifact: StoredArtifact): object[] {
    return artifact.aliases.map((alias) => ({
      __typename: "ArtifactAlias",
      id: `Alias:${artifact.id}:${alias}`,
      alias,
      artifactCollection: this.#collection(artifact),
    }));
  }

  #membership(artifact: StoredArtifact): object {
    return {
      __typename: "ArtifactCollectionMembership",
      id: `M:${artifact.id}`,
      versionIndex: artifact.version,
      createdAt: artifact.createdAt,
      aliases: this.#aliases(artifact),
      artifactCollection: this.#collection(artifact),
      artifact: this.#node(artifact),
    };
  }

  #node(artifact: StoredArtifact): object {
    const { id, type, description, metadata, state, digest, createdAt, files, manifest } = artifact;
    return {
      __typename: "Artifact",
      id,
      artifactSequence: this.#collection(artifact),
      versionIndex: artifact.version,
      artifactType: { name: type },
      description,
      metadata,
      ttlDurationSeconds: -2,
      ttlIsInherited: true,
      tags: [],
      historyStep: null,
      state,
      digest,
      commitHash: digest.slice(0, 8),
      size: [...files.values()].reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0),
      fileCount: files.size,
      createdAt,
      updatedAt: createdAt,
      aliases: this.#aliases(artifact),
      currentManifest: manifest && {
        __typename: "ArtifactManifest",
        id: manifest.id,
        digest,
        file: this.#file(manifest),
      },
    };
  }
}
