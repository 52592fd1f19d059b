import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildFacts } from "../config/version.ts";
import { BuildError, ROOT } from "./targets.ts";

/** What bun.lock says of a package: name and version, tarball, facts, hash. */
type LockEntry = [
  id: string,
  tarball: string,
  facts: { dependencies?: Record<string, string> },
  hash: string,
];

interface Component {
  type: "library" | "application" | "machine-learning-model" | "file";
  "bom-ref": string;
  name: string;
  version?: string;
  purl?: string;
  hashes?: { alg: "SHA-256" | "SHA-512"; content: string }[];
  licenses?: ({ expression: string } | { license: { name: string } })[];
}

/** An executable that the list is of. */
export interface BomSubject {
  name: string;
  sha256: string;
}

/**
 * What is inside executables, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): every package that a file was taken
 * from, with the hash of the lock file. The same input gives the same bytes.
 * @param files that went into the executables, each below a node_modules
 * @throws BuildError for a package that the lock file does not know
 */
export function billOfMaterials(
  facts: Pick<BuildFacts, "version" | "commit" | "builtAt">,
  subjects: readonly BomSubject[],
  files: Iterable<string>,
): string {
  const lock = readLock();
  const components = new Map<string, Component>();
  for (const folder of new Set([...files].map(packageFolder))) {
    const component = packageComponent(folder, lock);
    components.set(component["bom-ref"], component);
  }
  const model = embeddedModel();
  const inside = [...[...components.values()].sort(byRef), model];
  const root = `openvalidator@${facts.version}`;
  const content = {
    metadata: {
      timestamp: facts.builtAt,
      component: {
        type: "application",
        "bom-ref": root,
        name: "openvalidator",
        version: facts.version,
        licenses: [{ expression: "MIT" }],
        properties: [{ name: "openvalidator:commit", value: facts.commit }],
        components: subjects.map(({ name, sha256 }) => ({
          type: "file",
          "bom-ref": `${root}#${name}`,
          name,
          hashes: [{ alg: "SHA-256", content: sha256 }],
        })),
      },
    },
    components: inside,
    dependencies: dependenciesOf(root, components, model, lock),
  };
  const serial = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${Bun.randomUUIDv5(serial, "url")}`,
    version: 1,
    ...content,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const byRef = (a: Component, b: Component): number => (a["bom-ref"] < b["bom-ref"] ? -1 : 1);

interface Lock {
  /** Entries by place in the tree, such as `@polkadot/api` or `wrap-ansi/ansi-styles`. */
  packages: Record<string, LockEntry>;
  /** Places by name and version. */
  places: Map<string, string>;
  direct: string[];
}

function readLock(): Lock {
  const lock = Bun.JSONC.parse(readFileSync(join(ROOT, "bun.lock"), "utf8")) as {
    workspaces: { "": { dependencies: Record<string, string> } };
    packages: Record<string, LockEntry>;
  };
  const { packages } = lock;
  const places = new Map(Object.entries(packages).map(([place, [id]]) => [id, place]));
  return { packages, places, direct: Object.keys(lock.workspaces[""].dependencies) };
}

/** `…/node_modules/@scope/name` of a file in it. */
function packageFolder(file: string): string {
  const [folder] = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(file) ?? [];
  if (folder === undefined) throw new BuildError(`${file} is of no package`);
  return folder;
}

function packageComponent(folder: string, { packages, places }: Lock): Component {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string | { type: string };
  };
  const id = `${name}@${version}`;
  const place = places.get(id);
  if (place === undefined) throw new BuildError(`bun.lock does not know ${id}, which is inside`);
  const hash = packages[place]![3];
  const [algorithm, content = ""] = hash.split("-");
  if (algorithm !== "sha512") throw new BuildError(`bun.lock has no SHA-512 for ${id}`);
  const terms = typeof license === "object" ? license.type : license;
  return {
    type: "library",
    "bom-ref": id,
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content: Buffer.from(content, "base64").toString("hex") }],
    ...(terms && { licenses: [licenseOf(terms)] }),
  };
}

/** SPDX, or what a package says in its own words. */
function licenseOf(terms: string): { expression: string } | { license: { name: string } } {
  const isSpdx = /^[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*$/.test(terms.replace(/[()]/g, ""));
  return isSpdx ? { expression: terms } : { license: { name: terms } };
}

function embeddedModel(): Component {
  const graph = readFileSync(join(ROOT, "models/embedded/all-minilm-l6-v2/onnx/model_quantized.onnx"));
  return {
    type: "machine-learning-model",
    "bom-ref": "all-minilm-l6-v2",
    name: "sentence-transformers/all-MiniLM-L6-v2",
    hashes: [{ alg: "SHA-256", content: createHash("sha256").update(graph).digest("hex") }],
    licenses: [{ expression: "Apache-2.0" }],
  };
}

/** Who needs whom among what is inside. */
function dependenciesOf(
  root: string,
  components: ReadonlyMap<string, Component>,
  model: Component,
  { packages, places, direct }: Lock,
): { ref: string; dependsOn: string[] }[] {
  const isInside = (id: string | undefined): id is string => id !== undefined && components.has(id);
  const found = [...components.keys()].sort().map((ref) => {
    const place = places.get(ref)!;
    const wanted = Object.keys(packages[place]![2].dependencies ?? {});
    return {
      ref,
      dependsOn: wanted
        .map((name) => resolved(packages, place, name))
        .filter(isInside)
        .sort(),
    };
  });
  const needed = new Set(found.flatMap(({ dependsOn }) => dependsOn));
  // Bun itself and the libraries of a platform are nobody's dependency by name, and inside all the same.
  const own = new Set([
    ...direct.map((name) => packages[name]?.[0]).filter(isInside),
    ...[...components.keys()].filter((id) => !needed.has(id)),
  ]);
  return [
    { ref: root, dependsOn: [...[...own].sort(), model["bom-ref"]] },
    ...found,
    { ref: model["bom-ref"], dependsOn: [] },
  ];
}

/** The package that a name means at a place of the tree: the nearest one, as Node looks for it. */
function resolved(packages: Lock["packages"], place: string, name: string): string | undefined {
  for (let at = place; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const entry = packages[`${at}/${name}`];
    if (entry !== undefined) return entry[0];
  }
  return packages[name]?.[0];
}
