import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic.ts";
import { WANDB_URL } from "./api.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a key was found, for people. */
export interface FoundKey {
  key: string;
  source: string;
}

/** The server of `WANDB_BASE_URL`, as W&B's own client reads it, or the public one. */
export function wandbUrl(environment: Environment): string {
  return (environment.WANDB_BASE_URL || WANDB_URL).replace(/\/+$/, "");
}

/** Where people look at runs of a server. */
export function pageUrl(url: string, at: { entity: string; project: string }, id: string): string {
  const { protocol, host } = new URL(url);
  const page = host.startsWith("api.wandb.") ? host.slice("api.".length) : host;
  return `${protocol}//${page}/${[at.entity, at.project, "runs", id].map(encodeURIComponent).join("/")}`;
}

/** The W&B key: credential `wandb-api-key` of the service manager, then `WANDB_API_KEY`, then netrc. */
export function findKey(environment: Environment, url: string): FoundKey | undefined {
  const { CREDENTIALS_DIRECTORY: credentials, WANDB_API_KEY: variable } = environment;
  if (credentials) {
    const path = join(credentials, "wandb-api-key");
    const key = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    if (key !== "") return { key, source: path };
  }
  if (variable) return { key: variable.trim(), source: "$WANDB_API_KEY" };
  const path = netrcPath(environment);
  if (path === undefined || !existsSync(path)) return undefined;
  const key = entryOf(readFileSync(path, "utf8"), new URL(url).host);
  return key === undefined ? undefined : { key, source: path };
}

/** undefined where this user has no home folder. */
export function netrcPath(environment: Environment): string | undefined {
  if (environment.NETRC) return environment.NETRC;
  try {
    return join(environment.HOME || homedir(), ".netrc");
  } catch {
    return undefined; // a user without a home has no netrc either
  }
}

/** Puts the key of a server into a netrc, which only its owner may read then; the other entries stay as they are. */
export function saveKey(path: string, url: string, key: string): void {
  const { host } = new URL(url);
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const others = entriesOf(before)
    .filter(({ machine }) => machine !== host)
    .map(({ text }) => text)
    .join("");
  const gap = others === "" || others.endsWith("\n") ? "" : "\n";
  writeFileAtomic(path, `${others}${gap}machine ${host}\n  login user\n  password ${key}\n`, 0o600);
}

/** Pieces of a netrc, each from one `machine`, `default` or `macdef` to before the next. */
function entriesOf(text: string): { machine: string | undefined; text: string }[] {
  const starts = [...text.matchAll(/^[ \t]*(?:machine[ \t]+(\S+)|default\b|macdef\b)/gm)];
  const head = text.slice(0, starts[0]?.index ?? text.length);
  const entries = starts.map((match, index) => ({
    machine: match[1],
    text: text.slice(match.index, starts[index + 1]?.index ?? text.length),
  }));
  return head === "" ? entries : [{ machine: undefined, text: head }, ...entries];
}

function entryOf(netrc: string, host: string): string | undefined {
  const entry = entriesOf(netrc).find(({ machine }) => machine === host);
  return entry && /\bpassword[ \t\n]+(\S+)/.exec(entry.text)?.[1];
}
