import { shadowAgreement } from "../../analysis/insight/agreement.ts";
import { layGround } from "../../analysis/insight/ground.ts";
import { agreement } from "../../analysis/report/scoring.ts";
import { jsonText } from "../../base/text.ts";
import { analysisScreen } from "../analysis-screen.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { openEvents } from "../open-events.ts";
import { screenOf } from "./analyze.ts";

/** The part of `analyze` that tells how well shadow scores agree with the rewards that count, alone. */
export async function shadow(context: CommandContext): Promise<number> {
  const { warehouse, close } = await openEvents(context, context.words ?? []);
  try {
    const scorers = await shadowAgreement(await layGround(warehouse, { top: 1 }));
    const text = analysisScreen(
      [agreement(scorers)],
      screenOf(context.environment, Number.POSITIVE_INFINITY),
    );
    context.print(context.flags.json === "true" ? `${jsonText({ scorers }, 2)}\n` : text);
    return EXIT.ok;
  } finally {
    close();
  }
}
