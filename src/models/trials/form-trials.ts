import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../base/atomic.ts";
import type { CatalogModel } from "../catalog.ts";
import type { Progress } from "../fetched-files.ts";
import { modelFolder } from "../locked-manifest.ts";
import type { Agreement, Dtype, GoldenCase, Provenance } from "../manifest.ts";
import { manifestContent } from "../manifest.ts";
import { type Answers, agreementOf, checkNumbers, checkVaries } from "./closeness.ts";
import {
  goldenCaseOf,
  goldenQuestions,
  type TrialQuestion,
  trialKindOf,
  trialQuestions,
} from "./questions.ts";

/** A form that lies in a folder of models, with a manifest that names it. */
export interface BuiltForm {
  /** Folder of the model's folder. */
  directory: string;
  id: string;
  dtype: Dtype;
}

/** Why something cannot be run on this machine, which is no fault of the model. */
export interface Unable {
  unable: string;
}

/** Runs forms on the CPU; this room only makes them. */
export interface FormRunner {
  freeMemoryBytes(): number;
  /**
   * @param batches each is asked in one request, and alone
   * @param onAnswered told after each batch
   * @returns for each question its numbers, in order
   * @throws what the form itself meets; the signal's reason
   */
  answer(
    form: BuiltForm,
    batches: readonly (readonly TrialQuestion[])[],
    options: { signal?: AbortSignal | undefined; onAnswered?: (batch: number) => void },
  ): Promise<number[][] | Unable>;
}

/** What is known of a form that was run. */
export interface Tried {
  golden?: GoldenCase[];
  agreement?: Agreement;
}

/** Questions that are asked at once, so that rows of several lengths are padded together. */
const BATCH = 8;
/**
 * Memory that a form takes for each byte of its weights while it is loaded: the file and the runtime's own copy, what it
 * turns them into, and what passes between the layers. A CPU computes in 32 bits what is stored in 16. Measured with 0.6
 * billion weights: 2.3 in fp32, 3.6 in fp16, 2.2 in q8 (of 1.7 billion), 2.8 in q4.
 */
const MEMORY_PER_BYTE: Readonly<Record<Dtype, number>> = { fp32: 2.5, fp16: 4, q8: 2.5, q4: 3, q4f16: 4 };
const NUMBERS = "fp32-numbers.json";

const numbersSchema = z.object({ of: z.string(), numbers: z.array(z.array(z.number().nullable())) });

/** What a form takes of memory to be run. */
export function memoryToRun(dtype: Dtype, weightBytes: number): number {
  return weightBytes * MEMORY_PER_BYTE[dtype];
}

/**
 * Runs the forms of one model as they are built: keeps what each gives for a few texts, which is tried at every load, and
 * holds all that it gives against fp32. The numbers of fp32 lie beside the model, so that a form that is built later needs
 * no fp32 anew.
 */
export class FormTrials {
  readonly #directory: string;
  readonly #model: CatalogModel;
  readonly #runner: FormRunner;
  readonly #questions: readonly TrialQuestion[];
  readonly #golden: readonly TrialQuestion[];
  /** Of the weights, their builder and the questions; numbers of anything else are no truth here. */
  readonly #key: string;
  #truth: Answers | Unable | undefined;

  constructor(directory: string, model: CatalogModel, provenance: Provenance, runner: FormRunner) {
    this.#directory = directory;
    this.#model = model;
    this.#runner = runner;
    this.#questions = trialQuestions(model);
    this.#golden = goldenQuestions(model);
    const { maxTokens, classification, embedding } = model;
    const asked = [provenance, this.#questions, maxTokens, classification, embedding];
    this.#key = createHash("sha256").update(JSON.stringify(asked)).digest("hex");
    this.#truth = this.#readNumbers();
  }

  /** Whether fp32 has to be made and run before another form can be held against it. */
  get lacksTruth(): boolean {
    return this.#truth === undefined;
  }

  /** Why a form cannot be run here; undefined where nothing speaks against it. */
  whyNot(dtype: Dtype, weightBytes: number): string | undefined {
    const [needed, free] = [memoryToRun(dtype, weightBytes), this.#runner.freeMemoryBytes()];
    if (needed <= free) return undefined;
    return `it takes about ${gigabytes(needed)} of memory to run, and ${gigabytes(free)} are free`;
  }

  /** For a machine that cannot run fp32. */
  goWithoutTruth(reason: string): void {
    this.#truth = { unable: `fp32 was not run here: ${reason}` };
  }

  /**
   * Runs a form.
   * @returns golden numbers, where this machine could run it, and how near it comes to fp32
   * @throws Failure `model.unsupported` for a form that is wrong, `inference.*` for one that cannot be run anywhere
   */
  async run(
    form: BuiltForm,
    weightBytes: number,
    options: { onProgress?: Progress | undefined; signal?: AbortSignal | undefined },
  ): Promise<Tried> {
    const { id, dtype } = form;
    const reason = this.whyNot(dtype, weightBytes);
    if (reason !== undefined) return this.#notRun(dtype, reason);
    const count = this.#questions.length;
    const asked = Array.from({ length: Math.ceil(count / BATCH) }, (_, at) =>
      this.#questions.slice(at * BATCH, (at + 1) * BATCH),
    );
    const batches = [...asked, ...this.#golden.map((question) => [question])];
    const found = await this.#runner.answer(form, batches, {
      signal: options.signal,
      onAnswered: (batch) =>
        options.onProgress?.(`trying ${id} as ${dtype}`, batch + 1, batches.length, "runs"),
    });
    if ("unable" in found) return this.#notRun(dtype, found.unable);
    checkNumbers(id, dtype, found);
    const labels = this.#model.classification?.labels.length ?? 1;
    const golden = this.#golden.flatMap(
      (question, at) => goldenCaseOf(question, found[count + at]!, labels) ?? [],
    );
    const tried: Tried =
      golden.length > 0 ? { golden } : { agreement: { unmeasured: "none of the texts fits into the model" } };
    const compared = found.slice(0, count);
    const what = { id, dtype, kind: trialKindOf(this.#model), labels };
    if (dtype === "fp32") {
      checkVaries(what, compared);
      this.#keepNumbers(compared);
      return tried;
    }
    if (this.#truth === undefined) throw new Error("a form is tried before fp32");
    if ("unable" in this.#truth) return { ...tried, agreement: { unmeasured: this.#truth.unable } };
    return { ...tried, agreement: agreementOf(what, this.#truth, compared) };
  }

  #notRun(dtype: Dtype, reason: string): Tried {
    if (dtype === "fp32") this.goWithoutTruth(reason);
    return { agreement: { unmeasured: `it was not run here: ${reason}` } };
  }

  #keepNumbers(numbers: number[][]): void {
    this.#truth = numbers;
    mkdirSync(modelFolder(this.#directory, this.#model.id), { recursive: true, mode: 0o700 });
    // JSON has no infinity: null stands for a text that leaves nothing to score.
    writeFileAtomic(this.#numbersPath, `${JSON.stringify({ of: this.#key, numbers })}\n`);
  }

  #readNumbers(): Answers | undefined {
    const parsed = numbersSchema.safeParse(contentOf(this.#numbersPath));
    if (!parsed.success || parsed.data.of !== this.#key) return undefined;
    return parsed.data.numbers.map((list) => list.map((number) => number ?? Number.NEGATIVE_INFINITY));
  }

  get #numbersPath(): string {
    return join(modelFolder(this.#directory, this.#model.id), NUMBERS);
  }
}

/** undefined for what is missing or no JSON: it is then made anew. */
function contentOf(path: string): unknown {
  try {
    return manifestContent(path);
  } catch {
    return undefined;
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
