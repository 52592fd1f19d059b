import * as fs from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile, writeFileAtomic } from "../base/atomic.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Artifact } from "./artifact-upload.ts";

const artifactSchema = z.object({
  name: z.string(),
  type: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.json()),
  file: z.string(),
  madeAt: z.string(),
  clientId: z.string(),
  sequenceId: z.string(),
}) satisfies z.ZodType<Artifact>;

interface Waiting {
  number: number;
  artifact: Artifact;
  sizeBytes: number;
}

/** Artifacts of one run that wait for the server: per version a file `<number>.bin`, and `<number>.json`, which counts. */
export class ArtifactSpool {
  readonly #directory: string;
  readonly #waiting: Waiting[] = [];
  #next = 0;

  /** @param directory is made with the first artifact; half of one, of a killed process, is removed */
  constructor(directory: string) {
    this.#directory = directory;
    const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
    for (const name of names.sort()) {
      const number = /^(\d{6})\.json$/.exec(name)?.[1];
      if (number !== undefined) this.#open(Number(number));
    }
    this.#next = (this.#waiting.at(-1)?.number ?? -1) + 1;
    const known = new Set(this.#waiting.flatMap(({ number }) => Object.values(filesOf(number))));
    for (const name of names) if (!known.has(name)) fs.rmSync(join(directory, name), { force: true });
  }

  get sizeBytes(): number {
    return this.#waiting.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** The oldest one. */
  get first(): Artifact | undefined {
    return this.#waiting[0]?.artifact;
  }

  /** @throws the error of the file system; nothing of it stays then */
  async add(artifact: Artifact, bytes: Uint8Array): Promise<void> {
    const number = this.#next++;
    const { content, words } = this.#paths(number);
    try {
      await replaceFile(content, [bytes]);
      writeFileAtomic(words, JSON.stringify(artifact));
    } catch (error) {
      fs.rmSync(content, { force: true });
      throw error;
    }
    this.#waiting.push({ number, artifact, sizeBytes: bytes.length });
  }

  /** Content of the first one. @throws the error of the file system */
  async read(): Promise<Uint8Array<ArrayBuffer>> {
    return await readFile(this.#paths(this.#waiting[0]!.number).content);
  }

  /** The first one needs to wait no more. */
  shift(): void {
    const { number } = this.#waiting.shift()!;
    const { content, words } = this.#paths(number);
    fs.rmSync(words, { force: true });
    fs.rmSync(content, { force: true });
  }

  #open(number: number): void {
    const { content, words } = this.#paths(number);
    try {
      const artifact = artifactSchema.parse(JSON.parse(fs.readFileSync(words, "utf8")));
      this.#waiting.push({ number, artifact, sizeBytes: fs.statSync(content).size });
    } catch (error) {
      log.warn("An artifact for W&B cannot be read and is dropped", {
        path: words,
        reason: messageOf(error),
      });
    }
  }

  #paths(number: number): { content: string; words: string } {
    const { content, words } = filesOf(number);
    return { content: join(this.#directory, content), words: join(this.#directory, words) };
  }
}

function filesOf(number: number): { content: string; words: string } {
  const name = String(number).padStart(6, "0");
  return { content: `${name}.bin`, words: `${name}.json` };
}
