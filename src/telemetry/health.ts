import { plain, type Route } from "./server.ts";
import type { Status } from "./status.ts";

/** What a restart may mend: the passes hang. All else is for people, and restarting would only add to it. */
const MENDED_BY_RESTART = new Set(["steps_silent"]);

/**
 * `/healthz`: 200 while the process gets on, 503 when a supervisor should restart it.
 * `/readyz`: 200 when it validates: models, chain and state are there and nothing critical is wrong; else 503 and why.
 */
export function healthRoutes(status: () => Status): Map<string, Route> {
  return new Map<string, Route>([
    [
      "/healthz",
      () => {
        const stuck = status().alerts.filter(({ name }) => MENDED_BY_RESTART.has(name));
        return stuck.length === 0 ? plain(200, "ok") : plain(503, stuck.map(({ text }) => text).join("\n"));
      },
    ],
    [
      "/readyz",
      () => {
        const { healthy, reasons } = status();
        return healthy ? plain(200, "ok") : plain(503, reasons.join("\n"));
      },
    ],
  ]);
}
