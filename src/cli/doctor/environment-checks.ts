import { printableUrl } from "../../base/url.ts";
import { refuseUnknownVariables } from "../../config/environment.ts";
import type { OptionTable } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { expandPath } from "../../config/paths.ts";
import { walletPaths } from "../../wallet/files.ts";
import { passwordVariable } from "../../wallet/unlock.ts";
import { type Check, type Finding, ok, warn } from "./check.ts";
import type { Patient } from "./patient.ts";

const LOOK_MS = 2_000;

/** The flags that took the place of variables which bittensor and openvalidators 1.2.0 read. */
const REPLACED: Readonly<Record<string, string>> = {
  BT_AXON_PORT: "--axon.port",
  BT_AXON_IP: "--axon.ip",
  BT_AXON_EXTERNAL_IP: "--axon.external_ip",
  BT_AXON_EXTERNAL_PORT: "--axon.external_port",
  BT_LOGGING_DEBUG: "--logging.debug",
  BT_LOGGING_TRACE: "--logging.trace",
  BT_LOGGING_LOGGING_DIR: "--logging.logging_dir",
};

/** What changes how the runtime inside the binary works, or shows secrets. */
const RUNTIME: Readonly<Record<string, string>> = {
  BUN_OPTIONS: "it gives the runtime flags of its own",
  BUN_CONFIG_VERBOSE_FETCH: "it prints every request with its tokens",
  BUN_INSPECT: "it opens a debugger",
  NODE_OPTIONS: "it gives the runtime flags of its own",
  LD_PRELOAD: "it puts foreign code into the process",
};

const given = (patient: Patient, name: string): boolean => Boolean(patient.environment[name]);

/** Names only: a value may be a secret. */
function variablesOf(tables: readonly OptionTable[]): Check {
  return {
    name: "environment.variables",
    timeoutMs: LOOK_MS,
    run(patient) {
      refuseUnknownVariables(patient.environment, tables);
      const read = new Set(Object.values(OPTIONS as OptionTable).flatMap(({ env = [] }) => env));
      read.add(passwordVariableOf(patient));
      const unread = Object.keys(patient.environment).filter(
        (name) => name.startsWith("BT_") && !read.has(name) && given(patient, name),
      );
      if (unread.length === 0) return ok("none that nothing reads");
      return unread.map((name) => warn(`${name} is set and nothing reads it`, replacementOf(name, patient)));
    },
  };
}

function passwordVariableOf({ settings }: Patient): string {
  try {
    const { walletPath, walletName, walletHotkey } = settings;
    return passwordVariable(walletPaths(expandPath(walletPath), walletName, walletHotkey).hotkey);
  } catch {
    return ""; // the checks of the wallet say what is wrong with its name
  }
}

function replacementOf(name: string, patient: Patient): string {
  if (name.startsWith("BT_PW_"))
    return `It names another key file; the one of these settings is read from ${passwordVariableOf(patient)}.`;
  const flag = REPLACED[name];
  return flag === undefined ? "Remove it." : `Give ${flag} in its place.`;
}

const runtime: Check = {
  name: "environment.runtime",
  timeoutMs: LOOK_MS,
  run(patient) {
    const found: Finding[] = Object.entries(RUNTIME)
      .filter(([name]) => given(patient, name))
      .map(([name, effect]) => warn(`${name} is set: ${effect}`, "Remove it, unless it is meant."));
    if (patient.environment.NODE_TLS_REJECT_UNAUTHORIZED === "0")
      found.push(
        warn(
          "NODE_TLS_REJECT_UNAUTHORIZED=0 lets anybody stand in for the chain and the hub",
          "Remove it; name your own authority with NODE_EXTRA_CA_CERTS.",
        ),
      );
    return found.length > 0 ? found : ok("nothing that changes the runtime");
  },
};

const PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];

const proxy: Check = {
  name: "environment.proxy",
  timeoutMs: LOOK_MS,
  run(patient) {
    const { environment } = patient;
    const set = PROXIES.filter((name) => given(patient, name));
    if (set.length === 0) return ok("none");
    const except = environment.NO_PROXY ?? environment.no_proxy;
    return set.map((name) => {
      const value = environment[name]!;
      const shown = printableUrl(value.includes("://") ? value : `http://${value}`);
      return URL.canParse(value.includes("://") ? value : `http://${value}`)
        ? warn(
            `${name} sends HTTP requests through ${shown}${except ? `, NO_PROXY: ${except}` : ""}; miners are called without it`,
            "See that it lets the hub of models and data through, or unset it.",
          )
        : warn(`${name} is no address of a proxy`, "Write http://host:port, or unset it.");
    });
  },
};

/** @param tables options of every command: one environment serves them all */
export function environmentChecks(tables: readonly OptionTable[]): readonly Check[] {
  return [variablesOf(tables), runtime, proxy];
}
