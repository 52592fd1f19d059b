import { join } from "node:path";
import { Failure, isFailure } from "../../base/error.ts";
import { readStatus } from "../../telemetry/status-socket.ts";
import type { Service } from "../../update/apply.ts";
import { type Health, healthSchema } from "../../update/confirm.ts";
import type { CommandContext } from "../command.ts";
import type { ServiceCode } from "../service/shell-words.ts";
import { systemctlOf } from "../service/systemctl.ts";

const PROPERTIES = ["LoadState", "ActiveState", "RuntimeDirectory", "Result", "ExecMainStatus"] as const;
type Facts = Record<(typeof PROPERTIES)[number], string>;

export interface Unit {
  name: string;
  scope: "system" | "user";
}

/** Of the validator, by the settings that name it. */
export interface StateFolder {
  path: string;
  /** Whether any of these settings was given. */
  isNamed: boolean;
}

/** The validator as a unit of systemd, and its own word on how it is. */
export interface UnitService {
  service: Service;
  /** A person stopped it, or never started it. */
  isStopped: boolean;
}

/**
 * @param stateFolder where its status is if it is named, or the unit does not say where else
 * @throws Failure `service.not-installed` for a unit that systemd does not know, as systemctlOf()
 */
export async function serviceOfUnit(
  context: CommandContext,
  { name, scope }: Unit,
  stateFolder: StateFolder,
): Promise<UnitService> {
  const systemctl = systemctlOf(context, scope === "user");
  const look = async (): Promise<Facts> => factsIn(await systemctl("show", name, `--property=${PROPERTIES}`));
  let facts = await look();
  if (facts.LoadState === "not-found")
    throw new Failure<ServiceCode>("service.not-installed", {
      message: `systemd knows no unit ${name}`,
      hint:
        scope === "user" ? "without --user it is one of the system" : "with --user it is one of this user",
    });
  const folder = stateFolder.isNamed ? undefined : runtimeFolder(facts, scope, context.environment);
  return {
    isStopped: facts.ActiveState === "inactive",
    service: {
      async restart() {
        await systemctl("restart", name);
        facts = await look();
      },
      async health() {
        facts = await look();
        return await healthAt(folder ?? stateFolder.path);
      },
      ended() {
        if (facts.ActiveState !== "failed") return undefined;
        return `its unit failed for good (${facts.Result}, exit code ${facts.ExecMainStatus})`;
      },
    },
  };
}

/** Where the unit has a folder below /run, the validator puts the way to its status there. */
function runtimeFolder(
  { RuntimeDirectory }: Facts,
  scope: Unit["scope"],
  { XDG_RUNTIME_DIR = "" }: CommandContext["environment"],
): string | undefined {
  const [first = ""] = RuntimeDirectory.split(" ");
  if (first === "") return undefined;
  return join(scope === "user" ? XDG_RUNTIME_DIR : "/run", first);
}

function factsIn(text: string): Facts {
  const said = new Map(text.split("\n").map((line) => [line.split("=", 1)[0]!, line] as const));
  return Object.fromEntries(
    PROPERTIES.map((name) => [name, said.get(name)?.slice(name.length + 1) ?? ""]),
  ) as Facts;
}

/** @param folder of the status socket @returns undefined when nobody answers, or not as a validator does */
export async function healthAt(folder: string): Promise<Health | undefined> {
  try {
    // Read as of another version, which it is.
    return healthSchema.safeParse(await readStatus(folder)).data;
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}
