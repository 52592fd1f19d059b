import { Failure, messageOf } from "../base/error.ts";

export type OutputCode = "output.failed";

/** Why a command is to stop whose output nobody takes any more: `Output.end` tells what that comes to. */
export class OutputEnded extends Error {
  // As of any other abort, for what waits.
  override readonly name = "AbortError";
}

/** What of `process.stdout` is used. */
export interface OutputStream {
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/**
 * Standard output, whose reader may go away (`openvalidator demo | head -1`) or whose disk may be full: the first is
 * no fault but a reason to stop, the second makes the command fail, however well its work went.
 */
export class Output {
  readonly #stream: OutputStream;
  readonly #onEnd: (reason: OutputEnded) => void;
  #writing = new Set<Promise<void>>();
  #problem: NodeJS.ErrnoException | undefined;

  /** @param onEnd called once, when nothing more can be written */
  constructor(stream: OutputStream, onEnd: (reason: OutputEnded) => void) {
    this.#stream = stream;
    this.#onEnd = onEnd;
    // Each error also comes to the callback of its write; without a listener it would end the process.
    stream.on("error", () => {});
  }

  write(text: string): void {
    if (this.#problem !== undefined) return;
    const written = new Promise<void>((resolve) => {
      this.#stream.write(text, (error) => {
        if (error) this.#fail(error);
        resolve();
      });
    });
    this.#writing.add(written);
    void written.then(() => this.#writing.delete(written));
  }

  /**
   * Waits until everything is written.
   * @throws Failure `output.failed` when some of it could not be, unless only the reader went away
   */
  async end(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#problem === undefined || this.#problem.code === "EPIPE") return;
    throw new Failure<OutputCode>("output.failed", {
      message: `standard output cannot be written: ${messageOf(this.#problem)}`,
      hint: "give it a file on a disk with room, or a pipe that is read",
      cause: this.#problem,
    });
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#problem !== undefined) return;
    this.#problem = error;
    this.#onEnd(new OutputEnded("standard output has ended", { cause: error }));
  }
}
