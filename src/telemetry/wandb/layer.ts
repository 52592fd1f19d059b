import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { GatingEvent } from "../../events/schema.ts";
import { artifactName, newClientId } from "../../wandb/artifact-upload.ts";
import type { RunSpool } from "../../wandb/spool.ts";

/** As openvalidators 1.2.0 named them: `<gating model>_gating_linear_layer`, of this type. */
const SUFFIX = "_gating_linear_layer";
const TYPE = "model";

/**
 * Puts the layer that an event tells of among the artifacts of a run. The file may hold a later one by now, whose own
 * event is on its way; then this one is passed over.
 * @param directory of the validator's state
 */
export async function keepLayer(spool: RunSpool, directory: string, event: GatingEvent): Promise<void> {
  const { encoder, file, sha256, rows, hidden, trained, block, time, netuid, hotkey } = event;
  try {
    const bytes = await readFile(join(directory, file));
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      log.debug("A gating layer is passed over for a later one", { trained });
      return;
    }
    const name = artifactName(encoder + SUFFIX);
    const artifact = {
      name,
      type: TYPE,
      description: "Linear layer of the gating model: weight [uids, hidden] and bias [uids], row = uid.",
      metadata: { encoder, rows, hidden, trained, block, netuid, hotkey },
      file: name + extname(file),
      madeAt: time,
      clientId: newClientId(),
      sequenceId: newClientId(),
    };
    await spool.artifacts.add(artifact, bytes);
  } catch (error) {
    log.warn("The gating layer cannot be kept for W&B", { reason: messageOf(error) });
  }
}
