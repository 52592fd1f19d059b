import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { writeWhole } from "../../base/atomic.ts";

/** Text that is gathered before it goes to the disk. */
const BUFFER_CHARACTERS = 1 << 20;

export interface Written {
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** A file of text that is written from its beginning, and hashed on the way. */
export class LineFile {
  readonly #fd: number;
  readonly #hash = createHash("sha256");
  #parts: string[] = [];
  #characters = 0;
  #bytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "w", 0o644);
  }

  write(text: string): void {
    this.#parts.push(text);
    this.#characters += text.length;
    if (this.#characters >= BUFFER_CHARACTERS) this.#flush();
  }

  /** Closes the file when everything is on the disk. */
  end(): Written {
    try {
      this.#flush();
      fsyncSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #flush(): void {
    const bytes = Buffer.from(this.#parts.join(""), "utf8");
    this.#parts = [];
    this.#characters = 0;
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    writeWhole(this.#fd, bytes);
  }
}
