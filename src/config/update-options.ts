import { choice, decimal, list, optional, text, toggle, webAddress } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** How `run` and timers take releases. */
export const AUTO_UPDATE_OPTIONS = {
  "auto-update": option(
    optional(choice("off", "notify", "patch", "on")),
    undefined,
    "service",
    "New releases: only tell of them (notify, the default), take corrections alone (patch), or all (on); run does it by a small parent, service install by a timer. For self-update --unattended too, where on is the default.",
  ),
  "update.interval": option(
    decimal({ min: 0.05, max: 10_080 }, "MINUTES"),
    30,
    "service",
    "From one look for a release to the next, a third more or less.",
  ),
  "update.trial": option(
    decimal({ min: 0, max: 1440 }, "MINUTES"),
    10,
    "service",
    "How long a new release has to be seen well before it stays; weights of its on chain as well, where they are set.",
  ),
  "in-container": option(
    toggle,
    false,
    "service",
    "Install and update also in a container, where that lasts as long as the container.",
  ),
  "update.url": option(
    optional(list(webAddress)),
    undefined,
    "service",
    "Servers of releases, in place of those the program was built with; signatures decide all the same.",
  ),
} as const satisfies OptionTable;

/** What `openvalidator self-update` takes. */
export const UPDATE_OPTIONS = {
  ...AUTO_UPDATE_OPTIONS,
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
} as const satisfies OptionTable;
