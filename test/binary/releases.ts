import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ReleaseServer } from "../update/release-server.ts";
import { runCommand, type Scratch } from "./built.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** A server of releases, and real executables that carry its keys. */
export class Releases {
  readonly server: ReleaseServer;
  readonly #place: Scratch;
  readonly #root: string;

  constructor(place: Scratch) {
    this.#place = place;
    this.server = new ReleaseServer(join(place.root, "server"));
    this.server.start();
    this.#root = join(place.root, "root.json");
    writeFileSync(this.#root, this.server.root());
  }

  /** Builds the executable of a version; nobody is offered it. @returns its path */
  async build(version: string): Promise<string> {
    const outfile = join(this.#place.root, version, "openvalidator");
    const keys = ["--update-root", this.#root, "--update-url", `${this.server.url}/`];
    const child = Bun.spawn(
      [process.execPath, "build.ts", "--outfile", outfile, "--release-version", version, ...keys],
      { cwd: ROOT, stdout: "pipe", stderr: "pipe" },
    );
    const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    if (code !== 0) throw new Error(`the build failed: ${stderr}`);
    return outfile;
  }

  /** Offers an executable to whoever follows the stable releases. */
  async offer(version: string, executable: string): Promise<void> {
    const { stdout } = await runCommand([executable, "version", "--json"], this.#place);
    this.server.release(version, readFileSync(executable), { commit: JSON.parse(stdout).commit });
  }

  /**
   * A release that is another executable but in what it calls itself and in how it validates.
   * @param validates words of a shell; `"$program" "$@"` is what the other one would do
   * @returns its path
   */
  script(version: string, program: string, validates: string): string {
    const path = join(this.#place.root, version, "openvalidator");
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(
      path,
      `#!/bin/sh
program=${program}
case "$1" in
  version) echo '{"version":"${version}","commit":"${"c".repeat(40)}"}' ;;
  run) ${validates} ;;
  *) exec "$program" "$@" ;;
esac
`,
      { mode: 0o755 },
    );
    return path;
  }
}
