import { choice, list, optional, text, webAddress } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What `openvalidator self-update` takes. */
export const UPDATE_OPTIONS = {
  channel: option(
    optional(choice("stable", "candidate", "nightly")),
    undefined,
    "service",
    "Releases to follow from now on; stable until one is named.",
  ),
  version: option(optional(text), undefined, "service", "Go to this version, in place of the channel's."),
  restart: option(
    optional(text),
    undefined,
    "service",
    "Unit of systemd to restart, and to judge the release by; without it the next start runs the release.",
  ),
  "update.url": option(
    optional(list(webAddress)),
    undefined,
    "service",
    "Servers of releases, in place of those the program was built with; signatures decide all the same.",
  ),
} as const satisfies OptionTable;
