/** JSON as Go and Python write it: bare NaN and ±Infinity allowed. */
export function parseLoose(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const mark = "\u0001special:";
    const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (part) =>
      part[0] === '"' ? part : JSON.stringify(mark + part),
    );
    return JSON.parse(quoted, (_, value) =>
      typeof value === "string" && value.startsWith(mark) ? Number(value.slice(mark.length)) : value,
    );
  }
}

/** Value of a run under a key of a filter or an order. */
export function fieldOf(run: object, key: string): unknown {
  const fields = run as Record<string, unknown>;
  if (key.startsWith("config.")) {
    const entry = (parseLoose(String(fields.config)) as Record<string, { value?: unknown }>)[
      key.split(".")[1]!
    ];
    return entry?.value;
  }
  if (key.startsWith("summary_metrics."))
    return (parseLoose(String(fields.summary)) as Record<string, unknown>)[
      key.slice("summary_metrics.".length)
    ];
  const named: Record<string, string> = { display_name: "displayName", created_at: "createdAt" };
  return fields[named[key] ?? key];
}

/** Whether a run passes a filter in the manner of MongoDB. */
export function matches(
  run: object,
  filter: Record<string, unknown>,
  HttpError: new (status: number, message: string) => Error,
): boolean {
  return Object.entries(filter).every(([key, condition]) => {
    const nested = condition as Record<string, unknown>[];
    if (key === "$and") return nested.every((one) => matches(run, one, HttpError));
    if (key === "$or") return nested.some((one) => matches(run, one, HttpError));
    // The real server fails so, too.
    if (key === "tags" && Array.isArray(condition)) throw new HttpError(500, "bad filter");
    const value = fieldOf(run, key);
    const values = Array.isArray(value) ? value : [value];
    const tests = condition !== null && typeof condition === "object" ? condition : { $eq: condition };
    return Object.entries(tests).every(([operator, wanted]) => {
      switch (operator) {
        case "$eq":
          return values.includes(wanted);
        case "$ne":
          return !values.includes(wanted);
        case "$in":
          return values.some((one) => (wanted as unknown[]).includes(one));
        case "$gt":
          return String(value) > String(wanted);
        case "$gte":
          return String(value) >= String(wanted);
        case "$lt":
          return String(value) < String(wanted);
        case "$regex":
          return values.some((one) => new RegExp(String(wanted)).test(String(one)));
        default:
          throw new HttpError(500, `unsupported ${operator}`);
      }
    });
  });
}
