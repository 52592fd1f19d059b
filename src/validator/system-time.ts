import { sleep } from "../base/deadline.ts";
import type { Time } from "./ports.ts";

export const SYSTEM_TIME: Time = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep,
};
