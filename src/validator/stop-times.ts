/** systemd is told to wait 90 s; a stop (SIGTERM, Ctrl-C), however much is open, takes at most this. */
export const STOP_TIMEOUT_MS = 20_000;
/** A stop has a handful of stages (forward passes, duties, each thing that was opened), most of which take no time. */
export const STOP_STAGE_MS = 4_000;
