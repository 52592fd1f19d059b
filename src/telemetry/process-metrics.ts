import { readdirSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";

/** The names that every Prometheus client gives to them; prom-client's own reading needs parts of Node that Bun lacks. */
export class ProcessMetrics {
  readonly #cpu: Counter;
  readonly #memory: Gauge;
  readonly #files: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#cpu = new Counter({
      name: "process_cpu_seconds_total",
      help: "User and system time of the main process.",
      registers,
    });
    this.#memory = new Gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory of the main process.",
      registers,
    });
    this.#files = new Gauge({
      name: "process_open_fds",
      help: "Open descriptors of the main process.",
      registers,
    });
    new Gauge({
      name: "process_start_time_seconds",
      help: "Start of the main process, seconds since 1970.",
      registers,
    }).set(Math.round(Date.now() / 1000 - process.uptime()));
  }

  read(): void {
    const { user, system } = process.cpuUsage();
    this.#cpu.reset();
    this.#cpu.inc((user + system) / 1e6);
    this.#memory.set(process.memoryUsage.rss());
    const files = openFiles();
    if (files === undefined) this.#files.remove();
    else this.#files.set(files);
  }
}

/** undefined where the system does not show them. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
