import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic.ts";
import { log } from "../base/log.ts";
import { ALERTS, type Alert } from "./status.ts";

const FILE = "alarms.json";

const alertsTold = z.array(
  z.object({
    name: z.enum(ALERTS),
    since: z.iso.datetime(),
    text: z.string(),
    severity: z.enum(["warning", "critical"]),
  }),
);

/** Which alerts were told and are not over, in the state folder: a restart neither repeats them nor forgets to resolve them. */
export class AlarmMemory {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = join(directory, FILE);
  }

  /** None when nothing was saved, or nothing that can be read. */
  load(): Alert[] {
    try {
      return alertsTold.parse(JSON.parse(readFileSync(this.#path, "utf8")));
    } catch (error) {
      log.debug("No alarms of an earlier run are known", { error });
      return [];
    }
  }

  /** Without a disk the worst is that an alarm comes twice. */
  save(alerts: readonly Alert[]): void {
    try {
      writeFileAtomic(this.#path, `${JSON.stringify(alerts)}\n`);
    } catch (error) {
      log.debug("The alarms that were told cannot be saved", { error });
    }
  }
}
