import { startMiners } from "../localnet/miners/miners.ts";
import type { StandIns } from "../validator/open-miners.ts";

/** Enough for every character to appear (localnet/miners). */
const COUNT = 16;

/** Reference miners for `--neuron.mock_dendrite_pool`: they answer the hotkey of this validator alone. */
export async function startStandIns(hotkey: string): Promise<StandIns> {
  const miners = await startMiners({
    count: COUNT,
    host: "127.0.0.1",
    refuseCaller: (caller) => (caller === hotkey ? undefined : "not the validator of this machine"),
  });
  return {
    miners,
    async stop() {
      await Promise.all(miners.map((miner) => miner.stop()));
    },
  };
}
