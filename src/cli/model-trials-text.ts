import type { Dtype, ModelManifest } from "../models/manifest.ts";

/** What is known of the numbers of each form. */
export function trialsText(locked: ModelManifest | undefined, dtypes: readonly Dtype[]): string {
  return dtypes.map((dtype) => `  ${dtype}: ${trialText(locked, dtype)}\n`).join("");
}

function trialText(locked: ModelManifest | undefined, dtype: Dtype): string {
  const golden = locked?.golden?.[dtype]?.length ?? 0;
  const kept =
    golden > 0 ? `${golden} golden numbers, tried at each load` : "no golden numbers to try it on at a load";
  const agreement = locked?.agreement?.[dtype];
  if (agreement === undefined) return kept;
  if ("unmeasured" in agreement) return `${kept}; agreement not measured: ${agreement.unmeasured}`;
  const { comparedWith, texts, rankCorrelation, maxError } = agreement;
  const error = maxError === undefined ? "" : `, off by ${maxError} at most`;
  return `${kept};\n    ranks ${rankCorrelation.toFixed(4)}${error}, against ${comparedWith} (${texts} texts)`;
}
