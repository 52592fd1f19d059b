/** What an administrator may turn, by name: the values that it takes, and what it does. */
export const SETTINGS = {
  tempo: ["BLOCKS", "Length of an epoch."],
  "commit-reveal": ["true|false", "Whether weights are committed first and revealed later."],
  "commit-version": ["NUMBER", "Version of commit-reveal that commits must name."],
  "reveal-period": ["EPOCHS", "Epochs from a commit to its reveal."],
  "rate-limit": ["BLOCKS", "Blocks that a validator waits between weights."],
  "min-weights": ["COUNT", "Miners that weights must name at least."],
  immunity: ["BLOCKS", "Blocks for which nobody takes a newcomer's place, while others may make room."],
  "version-key": ["NUMBER", "Least version that weights must carry."],
  stake: ["UID TAO", "Stake of a neuron."],
  permit: ["UID true|false", "Whether a neuron may validate."],
  consensus: [
    "Yuma|Null",
    "How weights are weighed; Null exempts neither the owner nor weights for oneself.",
  ],
  swap: ["UID HOTKEY", "Another hotkey takes over a neuron, as after btcli wallet swap-hotkey."],
  mechanisms: ["COUNT [PERCENT…]", "Number of mechanisms, and how they share the emission."],
  trim: ["UIDS", "Make the subnet smaller: who earned least goes, the others move together."],
  balance: ["ADDRESS TAO", "Free money of an account."],
  epoch: ["", "The next block runs an epoch."],
  upgrade: ["[SPEC]", "The runtime becomes a newer one."],
  pause: ["", "No block comes by itself."],
  step: ["[BLOCKS]", "Make blocks now."],
  resume: ["", "Blocks come by themselves again."],
  "block-time": ["SECONDS", "Pace of the blocks; a new runtime says so to clients."],
} as const;
export type SettingName = keyof typeof SETTINGS;
