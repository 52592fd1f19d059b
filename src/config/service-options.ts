import { optional, path, text, toggle } from "./kinds.ts";
import { type OptionTable, option, rowsOf } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { AUTO_UPDATE_OPTIONS } from "./update-options.ts";

/** What `openvalidator install` takes, and who installs a service as well. */
export const INSTALL_OPTIONS = {
  root: option(
    optional(path),
    undefined,
    "service",
    "Folder of the releases: the one this program is in, else /opt/openvalidator, with --user one in your home.",
  ),
  ...rowsOf(AUTO_UPDATE_OPTIONS, "in-container"),
} as const satisfies OptionTable;

/** What `openvalidator service print|install` takes: the settings of the run, and these. */
export const SERVICE_OPTIONS = {
  ...OPTIONS,
  ...INSTALL_OPTIONS,
  "from-pm2": option(
    optional(text),
    undefined,
    "service",
    "Line that started openvalidators 1.2.0, quoted: its flags go into the config file.",
  ),
  wandb_key_file: option(
    optional(path),
    undefined,
    "service",
    "File with the key of Weights & Biases, which the service gets as a credential.",
  ),
  start: option(toggle, true, "service", "Start the service now and at every boot."),
  destdir: option(
    optional(path),
    undefined,
    "service",
    "Write below this folder and start nothing, for packages and images.",
  ),
} as const satisfies OptionTable;
