/** A validator that reports to W&B until it is killed, and tells of each event: `bun writer.ts <folder> <url>`. */
import { KEY, ReportedFeed } from "./validator.ts";

const [directory, url] = process.argv.slice(2);
const validator = new ReportedFeed(directory!, { url: url!, key: KEY, runStepLength: 100_000 });
validator.start();
for (let step = 1; ; step++) {
  validator.emit(1, step);
  process.stdout.write(`${step}\n`);
  await Bun.sleep(20);
}
