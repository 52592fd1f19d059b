import { lacksNumbers } from "../models/built-numbers.ts";
import type { Dtype, ModelManifest } from "../models/manifest.ts";
import { wrapped } from "./fit.ts";

/** What is known of the numbers of each form. */
export function trialsText(
  locked: ModelManifest | undefined,
  dtypes: readonly Dtype[],
  width: number | undefined,
): string {
  const lines = dtypes.flatMap((dtype) => `${dtype}: ${trialText(locked, dtype)}`.split("\n"));
  return lines.map((line) => `${indented(line, width)}\n`).join("");
}

/** Two columns from the left, in lines that fit. */
function indented(line: string, width = Number.POSITIVE_INFINITY): string {
  const [, space, text] = /^( *)(.*)$/.exec(line)!;
  const indent = `  ${space}`;
  return wrapped(text!, width - indent.length).replace(/^/gm, indent);
}

function trialText(locked: ModelManifest | undefined, dtype: Dtype): string {
  const golden = locked?.golden?.[dtype]?.length ?? 0;
  if (locked !== undefined && lacksNumbers(locked, dtype))
    return "its golden numbers are gone from manifest.json, so that it is not loaded: build it again";
  const kept =
    golden > 0 ? `${golden} golden numbers, tried at each load` : "no golden numbers to try it on at a load";
  const agreement = locked?.agreement?.[dtype];
  if (agreement === undefined) return kept;
  if ("unmeasured" in agreement) return `${kept}; agreement not measured: ${agreement.unmeasured}`;
  const { comparedWith, texts, rankCorrelation, maxError } = agreement;
  const error = maxError === undefined ? "" : `, off by ${maxError} at most`;
  return `${kept};\n  ranks ${rankCorrelation.toFixed(4)}${error}, against ${comparedWith} (${texts} texts)`;
}
