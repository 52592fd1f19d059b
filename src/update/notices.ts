import { z } from "zod";
import { sleep } from "../base/deadline.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printable } from "../base/text.ts";
import { type LastLook, LookTimes } from "./look-times.ts";
import { isVersion } from "./release.ts";
import { type Look, MAX_WHY } from "./update-record.ts";

/** What `self-update --check --json` prints, as far as it is told on. */
const lookSchema = z.object({
  /** Version in place. */
  from: z.string().refine(isVersion),
  state: z.enum(["up to date", "available", "waiting", "failed"]),
  version: z.string().refine(isVersion).nullish(),
  urgency: z.enum(["low", "medium", "high"]).nullish(),
  /** Of a failure. */
  code: z.string().max(60).nullish(),
  why: z.string().nullish(),
});
type Found = z.infer<typeof lookSchema>;

const LOOK_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 << 10;
/** Exit codes of `self-update --check`: there is something, there is nothing. */
const FOUND = 10;
const NONE = 0;

export interface Notices {
  /** `self-update --check --json` of this program, which changes nothing. */
  command: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  intervalMs: number;
  /** Of this machine among all, 0 to below 1. */
  place: number;
  /** Exit codes after which no look will ever do better: another program is in charge of this one's version. */
  isInVain(code: number): boolean;
  /** Whether a person wants to be told of that. */
  isAskedFor: boolean;
  /** Is told of every look. */
  onLook(look: Look): void;
  signal: AbortSignal;
}

/**
 * Looks for releases from time to time until the signal, and says once of each that it is there. A process of its own looks,
 * so that nothing of it stays in the memory of the validator.
 */
export async function watchReleases(notices: Notices): Promise<void> {
  const { intervalMs, place, signal } = notices;
  const times = new LookTimes(intervalMs, place);
  let told = "";
  for (let last: LastLook = "none"; ; ) {
    await sleep(times.next(last), signal);
    if (signal.aborted) return;
    const { code, output, words } = await look(notices);
    if (signal.aborted) return;
    if (notices.isInVain(code)) {
      (notices.isAskedFor ? log.warn : log.debug)("No release is looked for", { reason: words });
      return;
    }
    last = code === FOUND || code === NONE ? "good" : "failed";
    if (last === "failed") log.debug("A look for a release failed", { code, reason: words });
    const found = lookSchema.safeParse(parse(output)).data;
    if (found !== undefined) notices.onLook(asLook(found));
    if (code !== FOUND || !found?.version || told === `${found.state} ${found.version}`) continue;
    told = `${found.state} ${found.version}`;
    const { version, urgency, why } = found;
    if (found.state === "available")
      log.info("There is a newer release; openvalidator self-update goes to it", { version, urgency });
    else log.info("There is a newer release, and not for this machine yet", { version, urgency, why });
  }
}

function asLook({ from, state, version, urgency, code, why }: Found): Look {
  const at = new Date().toISOString();
  const isFailed = state === "failed";
  return {
    at,
    state: state === "up to date" ? "checked" : state,
    from,
    to: (state !== "up to date" && version) || null,
    urgency: urgency ?? null,
    reason: code ?? null,
    why: why?.slice(0, MAX_WHY) ?? null,
    isUnattended: true,
    answeredAt: isFailed ? null : at,
  };
}

async function look({
  command,
  environment,
  signal,
}: Notices): Promise<{ code: number; output: string; words: string }> {
  try {
    const child = Bun.spawn([...command], {
      env: { ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]),
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    const [output, words] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, output, words: printable(words.trim(), 300) };
  } catch (error) {
    return { code: -1, output: "", words: messageOf(error) };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
