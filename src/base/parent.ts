/** Process id of the parent that supervises this process; set by that parent alone. */
export const SUPERVISOR_VARIABLE = "OPENVALIDATOR_SUPERVISOR";

const LOOK_MS = 1_000;

/**
 * Calls the listener, once, when the process that supervises this one is gone, also when it was killed. The system gives
 * an orphan another parent, and that is all it says.
 * @returns whether this process has a supervisor
 */
export function watchSupervisor(
  environment: Readonly<Record<string, string | undefined>>,
  onGone: () => void,
): boolean {
  const supervisor = environment[SUPERVISOR_VARIABLE];
  if (supervisor === undefined) return false;
  const timer = setInterval(() => {
    if (String(process.ppid) === supervisor) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
  return true;
}
