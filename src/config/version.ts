import manifest from "../../package.json" with { type: "json" };

export interface BuildFacts {
  version: string;
  /** Commit the binary was made from; "source" when run from a checkout. */
  commit: string;
  /** ISO 8601. */
  builtAt: string;
  target: string;
  /** Why models do not run in it; absent where they do. */
  withoutInference?: string;
  /** What releases are checked with and where they are; absent in a build that is none. */
  update?: { root: string; urls: readonly string[] };
}

/** Put in by build.ts; absent when the program runs from source. */
declare const OPENVALIDATOR_BUILD: BuildFacts | undefined;

export const BUILD: BuildFacts =
  typeof OPENVALIDATOR_BUILD === "undefined"
    ? {
        version: manifest.version,
        commit: "source",
        builtAt: "",
        target: `${process.platform}-${process.arch}`,
      }
    : OPENVALIDATOR_BUILD;

export const VERSION = BUILD.version;
export const isCompiled = typeof OPENVALIDATOR_BUILD !== "undefined";

/** version_key of the weights: 1000·major + 10·minor + patch, the rule of openvalidators 1.2.0. */
export function specVersion(version = VERSION): number {
  const [major = 0, minor = 0, patch = 0] = version.split(/[-+]/)[0]!.split(".").map(Number);
  return 1000 * major + 10 * minor + patch;
}
