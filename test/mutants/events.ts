import { noticedBy } from "./mutant.ts";

export const EVENT_MUTANTS = noticedBy(
  ["test/events"],
  [
    {
      name: "a line that went in only in part is not cut off",
      file: "src/events/journal.ts",
      text: "this.#files.ftruncateSync(fd, sizeBytes);",
      replacement: "fd;",
    },
    {
      name: "a partial last line is left at the start",
      file: "src/events/journal.ts",
      text: "this.#files.ftruncateSync(fd, whole);",
      replacement: "fd;",
    },
    {
      name: "a file of another inode is written on",
      file: "src/events/journal.ts",
      text: "if (found?.ino !== active.inode || found.dev !== active.device) {",
      replacement: "if (found === undefined) {",
    },
    {
      name: "a size that changed by hand is not looked at",
      file: "src/events/journal.ts",
      text: "if (Number(found.size) !== active.sizeBytes) {",
      replacement: "if (Number(found.size) > 1e12) {",
    },
    {
      name: "rotation empties the file before anybody has its lines",
      file: "src/events/journal.ts",
      text: "this.#files.renameSync(join(this.path, ACTIVE_SEGMENT), join(this.path, plainName(number)));",
      replacement: "this.#files.ftruncateSync(active.fd, 0);",
    },
    {
      name: "segments are numbered from 1 again",
      file: "src/events/journal.ts",
      text: "(closedSegments(this.path).at(-1)?.number ?? 0) + 1",
      replacement: "1",
    },
    {
      name: "the disk budget is not kept",
      file: "src/events/archive.ts",
      text: "if (total <= allowed) return;",
      replacement: "if (total >= 0) return;",
    },
    {
      name: "events do not give way on a disk that is short",
      file: "src/events/archive.ts",
      text: "Math.max(LEAST_KEPT_BYTES, spared)",
      replacement: "budgetBytes",
    },
    {
      name: "a segment in both forms is read twice",
      file: "src/events/reader.ts",
      text: "      if (segment.number === last) continue;\n",
      replacement: "",
    },
    {
      name: "what a crash left plain is never compressed",
      file: "src/events/archive.ts",
      text: "{ force: true });\n    this.tend();",
      replacement: "{ force: true });",
    },
    {
      name: "the newest events go first when the disk budget is reached",
      file: "src/events/archive.ts",
      text: "for (const segment of segments) {",
      replacement: "for (const segment of segments.reverse()) {",
    },
    {
      name: "repeated lines are given twice",
      file: "src/events/reader.ts",
      text: "if (seen.add(event)) yield event;",
      replacement: "seen.add(event);\n      yield event;",
    },
    {
      name: "lines of another run with the same number are taken for repeated",
      file: "src/events/reader.ts",
      text: "const { run, sequence } = event;",
      replacement: 'const { sequence } = event;\n    const run = "";',
    },
    {
      name: "a segment that is renamed while it is read is lost",
      file: "src/events/reader.ts",
      text: "if (!isCompressed && existsSync(plain)) return readFileSync(plain);",
      replacement: "if (!isCompressed) return existsSync(plain) ? readFileSync(plain) : undefined;",
    },
    {
      name: "line ends of other kinds stay in the journal",
      file: "src/events/line.ts",
      text: "/[\\u0085\\u2028\\u2029]/g",
      replacement: "/[\\u2028\\u2029]/g",
    },
    {
      name: "events of version 1 are no events",
      file: "src/events/schema.ts",
      text: ": anyEventV1;",
      replacement: ": undefined;",
    },
    {
      name: "subscribers come before the journal",
      file: "src/events/feed.ts",
      text: `    const failure = this.#record(line);
    for (const subscription of this.#subscriptions) subscription.offer(event, line.length);`,
      replacement: `    for (const subscription of this.#subscriptions) subscription.offer(event, line.length);
    const failure = undefined;
    queueMicrotask(() => this.#record(line));`,
    },
    {
      name: "a journal that cannot be written ends the run",
      file: "src/events/feed.ts",
      text: "      this.#keepWaiting(line);\n      return error;",
      replacement: "      throw error;",
    },
    {
      name: "events do not wait for a journal that cannot be written",
      file: "src/events/feed.ts",
      text: "      this.#keepWaiting(line);\n      return undefined;",
      replacement: "      return undefined;",
    },
    {
      name: "events wait for the journal without a bound",
      file: "src/events/feed.ts",
      text: "while (this.#waitingBytes > MAX_WAITING_BYTES) {",
      replacement: "while (this.#waitingBytes < 0) {",
    },
    {
      name: "a journal that cannot be written is tried without back-off",
      file: "src/events/feed.ts",
      text: "backOffMs(JOURNAL_BACK_OFF, this.#retries++)",
      replacement: "backOffMs(JOURNAL_BACK_OFF, 0)",
    },
    {
      name: "all events of a run have one number",
      file: "src/events/feed.ts",
      text: "sequence: this.#sequence++,",
      replacement: "sequence: this.#sequence,",
    },
    {
      name: "the end does not wait for the readers of events",
      file: "src/events/feed.ts",
      text: "await this.#drain(drainTimeoutMs);",
      replacement: "drainTimeoutMs;",
    },
    {
      name: "a subscriber is called within the emitter's stack",
      file: "src/events/subscription.ts",
      text: "    await new Promise<void>((resolve) => setImmediate(resolve));\n",
      replacement: "",
    },
    {
      name: "a subscriber's queue grows without a bound",
      file: "src/events/subscription.ts",
      text: "while (this.#queue.length > this.#capacity || this.#queueBytes > this.#capacityBytes) {",
      replacement: "while (this.#queue.length > 1e9) {",
    },
    {
      name: "a subscriber's queue has no bound in bytes",
      file: "src/events/subscription.ts",
      text: " || this.#queueBytes > this.#capacityBytes",
      replacement: "",
    },
    {
      name: "a subscriber that throws once gets nothing more",
      file: "src/events/subscription.ts",
      text: "        this.#failures++;",
      replacement: "        this.#failures++;\n        this.#isClosed = true;",
    },
  ],
);
