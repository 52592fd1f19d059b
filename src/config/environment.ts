import { Failure } from "../base/error.ts";
import { SUPERVISOR_VARIABLE } from "../base/parent.ts";
import type { ConfigCode } from "./kinds.ts";
import { environmentName, type OptionTable } from "./option.ts";
import { nearest } from "./suggest.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that are no option of a command. */
const OTHER_VARIABLES = [
  /** Config file, as --config. */
  "OPENVALIDATOR_CONFIG",
  /** Where the native libraries are unpacked (base/native.ts). */
  "OPENVALIDATOR_CACHE",
  /** Set by a supervising parent alone. */
  SUPERVISOR_VARIABLE,
  /** Of the tests alone: no GPU is a fault, and the Vulkan driver to use. */
  "OPENVALIDATOR_REQUIRE_WEBGPU",
  "OPENVALIDATOR_TEST_VK_ICD",
];
/** What Kubernetes and old Docker put into the containers of a pod beside a service that is called openvalidator. */
const OF_A_SERVICE = /^OPENVALIDATOR_(?:SERVICE_(?:HOST|PORT\w*)|PORT(?:_\d+_(?:TCP|UDP)(?:_\w+)?)?)$/;

/**
 * Refuses a variable of this program that no command reads: a slip in its name would otherwise leave a setting at its
 * default without a word.
 * @param tables options of every command: one environment serves them all
 * @throws Failure `config.unknown-variable`
 */
export function refuseUnknownVariables(environment: Environment, tables: readonly OptionTable[]): void {
  const known = new Set(OTHER_VARIABLES);
  for (const table of tables)
    for (const [flag, { env = [] }] of Object.entries(table))
      for (const name of [environmentName(flag), ...env]) known.add(name);
  for (const name of Object.keys(environment)) {
    if (!/^OPENVALIDATOR_/i.test(name) || known.has(name) || OF_A_SERVICE.test(name)) continue;
    const close = nearest(name, known);
    throw new Failure<ConfigCode>("config.unknown-variable", {
      message: `Unknown environment variable ${name}`,
      hint:
        close === undefined
          ? "openvalidator run --help shows how the variable of a flag is called"
          : `did you mean ${close}?`,
    });
  }
}
