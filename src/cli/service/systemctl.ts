import { Failure } from "../../base/error.ts";
import type { CommandContext } from "../command.ts";
import type { ServiceCode } from "./shell-words.ts";

export type Systemctl = (...words: string[]) => Promise<string>;

/** What systemctl needs to find its manager. */
const NEEDED = ["PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/**
 * The systemctl of this machine: gives what it prints.
 * @throws Failure `service.no-systemd` where there is none, `service.refused` with what it says
 */
export function systemctlOf(
  { environment, signal }: Pick<CommandContext, "environment" | "signal">,
  isUser: boolean,
): Systemctl {
  const program = Bun.which("systemctl", { PATH: environment.PATH ?? "" });
  return async (...words) => {
    if (program === null) throw noSystemd("there is no systemctl on this machine");
    const env: Record<string, string> = { LC_ALL: "C", SYSTEMD_PAGER: "" };
    for (const name of NEEDED) if (environment[name] !== undefined) env[name] = environment[name];
    const command = [program, ...(isUser ? ["--user"] : []), ...words];
    const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", signal });
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if (code !== 0 && stderr.includes("not been booted with systemd"))
      throw noSystemd("systemd does not run this machine");
    if (code !== 0)
      throw new Failure<ServiceCode>("service.refused", {
        message: `systemctl ${words.filter((word) => !word.startsWith("-")).join(" ")} failed (${code}): ${stderr.trim().replaceAll(/\s+/g, " ")}`,
        hint: isUser
          ? "a user's services need a login session; loginctl enable-linger keeps them running without one"
          : "systemctl status and journalctl -u openvalidator say more",
      });
    return stdout;
  };
}

function noSystemd(message: string): Failure<ServiceCode> {
  return new Failure("service.no-systemd", {
    message,
    hint: "openvalidator service print shows the unit for a machine that has systemd",
  });
}
