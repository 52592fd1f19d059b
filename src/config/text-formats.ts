/**
 * THE list of file formats that texts are read from, by their extensions. What reads each stands in
 * prompts/formats.ts, which the type checker holds to this list.
 */
export const TEXT_FORMATS = ["txt", "jsonl", "parquet"] as const;
export type TextFormat = (typeof TEXT_FORMATS)[number];

/** `.txt, .jsonl, or .parquet`, for sentences. */
export const TEXT_FORMATS_SHOWN = new Intl.ListFormat("en", { type: "disjunction" }).format(
  TEXT_FORMATS.map((format) => `.${format}`),
);
