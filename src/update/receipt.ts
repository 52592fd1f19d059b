import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic.ts";
import { updateFailure } from "./failure.ts";

/** Beside the releases: they are ours alone to exchange. */
export const RECEIPT = "receipt.json";

const receiptSchema = z.looseObject({
  method: z.literal("standalone"),
  /** The unit of systemd that runs what is here. What a later release writes in another way is as if it were absent. */
  service: z
    .object({ unit: z.string().min(1), scope: z.enum(["system", "user"]) })
    .optional()
    .catch(undefined),
});
export type Receipt = z.infer<typeof receiptSchema>;

/**
 * @param root of a folder of releases
 * @returns undefined where there is none
 * @throws Failure `update.not-ours` for one that this program did not write
 */
export function readReceipt(root: string): Receipt | undefined {
  const path = join(root, RECEIPT);
  if (!existsSync(path)) return undefined;
  try {
    return receiptSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw updateFailure("update.not-ours", {
      message: `${path} is no receipt of ours`,
      hint: "if nothing else is in charge, take it away and run openvalidator install",
      cause,
    });
  }
}

/** For all to read: it holds no secret. @throws what the system says */
export function writeReceipt(root: string, receipt: Receipt): void {
  writeFileAtomic(join(root, RECEIPT), `${JSON.stringify(receipt)}\n`, 0o644);
}
