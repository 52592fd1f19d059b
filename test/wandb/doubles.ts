import { afterEach } from "bun:test";
import { WandbDouble } from "./double.ts";
import { KEY } from "./validator.ts";

const doubles: WandbDouble[] = [];

/** A double that is stopped after the test. */
export function makeDouble(options: ConstructorParameters<typeof WandbDouble>[0] = {}): WandbDouble {
  const made = new WandbDouble({ key: KEY, ...options });
  doubles.push(made);
  return made;
}

afterEach(async () => {
  for (const made of doubles.splice(0)) await made.stop();
});

/** The timeout of the test bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10);
}
