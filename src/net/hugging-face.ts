import type { Token } from "./http.ts";

/** Where models and datasets come from unless a mirror is set. */
export const HUB = "https://huggingface.co";
/** Gives rows of the hub's datasets as JSON. */
export const HUB_ROWS = "https://datasets-server.huggingface.co";

/** The operator's token, for the servers at these addresses alone. */
export function hubToken(value: string | undefined, urls: readonly string[]): Token | undefined {
  if (value === undefined) return undefined;
  const origins = urls.map((url) => new URL(url).origin);
  return { value, origins, name: "the Hugging Face token", setting: "HF_TOKEN" };
}
