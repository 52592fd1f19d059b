import { existsSync, statSync } from "node:fs";
import { freeBytesOf } from "../../base/disk.ts";
import { isFailure } from "../../base/error.ts";
import { printableUrl } from "../../base/url.ts";
import { BUILD, isCompiled } from "../../config/version.ts";
import { ROOM } from "../../update/apply.ts";
import { findRelease } from "../../update/artifact.ts";
import { NO_KEYS } from "../../update/failure.ts";
import type { Installation } from "../../update/installation.ts";
import { channelPath } from "../../update/release.ts";
import { type Expiry, expiryIn, readTrusted } from "../../update/trust.ts";
import { inspectRecord } from "../../update/update-record.ts";
import { findInstallation, type Whereabouts } from "../../update/whereabouts.ts";
import { bytesText } from "../progress.ts";
import { type Check, type Finding, findingOf, ok, skip, warn } from "./check.ts";

const LOOK_MS = 4_000;
/** Package managers are slow on cold disks. */
const FIND_MS = 15_000;
/** Some small files from each server. */
const ASK_MS = 30_000;
const DAY_MS = 86_400_000;
/** The keepers date these anew each week, for thirty days. */
const LATE_DAYS = 14;

/** What is looked at; tests have their own. */
export interface UpdatePlace extends Whereabouts {
  build: Pick<typeof BUILD, "update" | "builtAt" | "target" | "version">;
}

const HERE: UpdatePlace = { executable: process.execPath, isCompiled, build: BUILD };

/** What taking releases needs. A validator runs without any of it, so nothing here is more than a warning. */
export function updateChecks(place: UpdatePlace = HERE): Check[] {
  const { build } = place;
  let installation: Installation | Error | undefined;
  const found = (): Installation => {
    installation ??= find(place);
    if (installation instanceof Error) throw installation;
    return installation;
  };
  /** Not looked at where somebody else is in charge. */
  const ours = (look: (own: Installation) => Finding): Finding => {
    try {
      return look(found());
    } catch (error) {
      if (isFailure(error, "update.not-ours")) return skip(error.message);
      return findingOf(error, "warn");
    }
  };
  return [
    {
      name: "update.installation",
      timeoutMs: FIND_MS,
      run: () =>
        ours((own) => {
          const version = own.currentVersion() ?? build.version;
          return own.kind === "folder"
            ? ok(`${own.program}, a folder of releases; ${version} is in place`)
            : ok(`${own.program}, a lone file; ${version} is in place`);
        }),
    },
    {
      name: "update.keys",
      timeoutMs: LOOK_MS,
      run() {
        const { update } = build;
        if (update === undefined)
          return place.isCompiled
            ? warn(NO_KEYS, "Take an executable of a release; one that was built from source is built anew.")
            : skip("this program runs from its source, which is updated in another way");
        return ok(
          `root ${rootVersion(update.root)} is built in, with ${update.urls.map(printableUrl).join(", ")}`,
        );
      },
    },
    {
      name: "update.record",
      timeoutMs: LOOK_MS,
      run: () => ours(recordFinding),
    },
    {
      name: "update.trust",
      timeoutMs: LOOK_MS,
      run: () =>
        ours((own) => {
          const expiry = expiryIn(own.trustedDirectory);
          if (expiry === undefined) return skip("nothing was verified here yet");
          // The next look brings newer files, if there are any: the server's are judged, not these.
          return ok(`what was verified last holds ${expiryText(expiry, Date.now())}`);
        }),
    },
    {
      name: "update.space",
      timeoutMs: LOOK_MS,
      run: () =>
        ours((own) => {
          const needed = statSync(own.program).size * ROOM;
          const free = freeBytesOf(own.folder);
          const text = `${bytesText(free)} free in ${own.folder}, a release takes ${bytesText(needed)}`;
          return free < needed
            ? warn(text, "Make room on that disk; until then no release is taken.")
            : ok(text);
        }),
    },
    {
      name: "update.server",
      timeoutMs: ASK_MS,
      needsNetwork: true,
      async run({ settings }, signal) {
        if (build.update === undefined) return skip(NO_KEYS);
        const urls = settings.updateUrl ?? build.update.urls;
        const { root } = build.update;
        const trusted = trustedFolder(found);
        return await Promise.all(urls.map((url) => serverFinding({ url, root, trusted }, place, signal)));
      },
    },
  ];
}

function find(place: UpdatePlace): Installation | Error {
  try {
    return findInstallation(place);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function recordFinding({ recordFile }: Installation): Finding {
  if (!existsSync(recordFile)) return ok("no release was taken here yet");
  const { record, damage } = inspectRecord(recordFile);
  if (damage !== undefined)
    return warn(
      `${recordFile} cannot be read: ${damage}`,
      "The next self-update sets it aside and begins anew; versions that failed here may then be tried again.",
    );
  const { channel, confirmed, pending, bad } = record;
  const parts = [
    `channel ${channel}`,
    confirmed !== null && `${confirmed} was well`,
    bad.length > 0 && `not tried again: ${bad.map(({ version }) => version).join(", ")}`,
  ].filter(Boolean);
  if (pending === null) return ok(parts.join(", "));
  return warn(
    `${pending.version} is in place since ${pending.since} and was not confirmed`,
    "It is judged while the validator runs and somebody updates: openvalidator self-update, its timer, or --auto-update.",
  );
}

/** What was seen before counts here too, so that older files are found out; where nothing is ours, there is none. */
function trustedFolder(found: () => Installation): string {
  try {
    return found().trustedDirectory;
  } catch (error) {
    if (isFailure(error)) return "";
    throw error;
  }
}

async function serverFinding(
  { url, root, trusted }: { url: string; root: string; trusted: string },
  { build }: UpdatePlace,
  signal: AbortSignal,
): Promise<Finding> {
  const shown = printableUrl(url);
  try {
    const files = await readTrusted({
      urls: [url],
      root,
      cacheDirectory: trusted,
      isCacheKept: false,
      builtAtMs: Date.parse(build.builtAt),
      access: { signal, retry: { firstMs: 500, maxMs: 500, attempts: 2 } },
    });
    const release = await findRelease(files, channelPath("stable", build.target));
    const newest = release === undefined ? `no release for ${build.target}` : release.release.version;
    const text = `${shown} answers: ${newest}; what it says holds ${expiryText(files.expiry, Date.now())}`;
    return files.expiry.atMs - Date.now() < LATE_DAYS * DAY_MS
      ? warn(text, "Its keepers are late to renew it. Validating goes on; tell the project.")
      : ok(text);
  } catch (error) {
    const finding = findingOf(error, "warn");
    return { ...finding, found: `${shown}: ${finding.found}` };
  }
}

function expiryText({ file, atMs }: Expiry, nowMs: number): string {
  const days = (atMs - nowMs) / DAY_MS;
  const date = new Date(atMs).toISOString().slice(0, 10);
  return days < 0 ? `no more since ${date} (${file})` : `for ${Math.floor(days)} days, to ${date} (${file})`;
}

function rootVersion(root: string): number {
  return (JSON.parse(root) as { signed: { version: number } }).signed.version;
}
