/**
 * What specialists know about, by words that give a topic away. Made for the packaged texts: each topic has a fair part
 * of the addresses on the state of the union, and the sea has Moby-Dick.
 */
const WORDS_BY_TOPIC = {
  sea: `whale ship sea captain boat harpoon sailor ocean deck crew mate voyage whaling oil sail wave fish ahab`,
  money: `tax revenue tariff bank money gold silver currency debt treasury trade price expenditure income commerce industry
    wage credit fund dollar cost budget`,
  war: `war army navy peace troop soldier military enemy force battle weapon nation treaty defense naval victory`,
  law: `law court congress constitution legislation commission citizen right justice judge vote crime federal statute
    amendment officer corporation`,
  land: `land farm farmer forest river water agriculture soil crop irrigation railroad canal territory mine public indian`,
} as const;

export type Topic = keyof typeof WORDS_BY_TOPIC;
export const TOPICS = Object.keys(WORDS_BY_TOPIC) as readonly Topic[];

const TOPIC_BY_WORD = new Map(
  TOPICS.flatMap((topic) => WORDS_BY_TOPIC[topic].split(/\s+/).map((word) => [word, topic] as const)),
);

/** The topic with the most words in the text, plurals included; undefined when it has none. The first of equals. */
export function topicOf(text: string): Topic | undefined {
  const counts = new Map<Topic, number>();
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const topic = TOPIC_BY_WORD.get(word) ?? TOPIC_BY_WORD.get(word.replace(/s$/, ""));
    if (topic !== undefined) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  }
  const most = Math.max(0, ...counts.values());
  return TOPICS.find((topic) => counts.get(topic) === most);
}
