/** Writes events until it is killed, and tells on standard output which the journal has taken: `bun writer.ts <folder>`. */
import { EventFeed } from "../../src/events/feed.ts";
import { Journal } from "../../src/events/journal.ts";
import { IDENTITY } from "./bodies.ts";

const [directory] = process.argv.slice(2);
const feed = new EventFeed({
  journal: Journal.open(directory!, { budgetBytes: 1e9, segmentBytes: 300_000 }),
  identity: IDENTITY,
  block: () => 1,
});
const reason = "words that compress well ".repeat(400);
while (true) {
  const { run, sequence } = feed.emit({ kind: "stop", reason, exit_code: 0, steps: 0 });
  if (feed.state.journal === "written") process.stdout.write(`${run} ${sequence}\n`);
  if (sequence % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
