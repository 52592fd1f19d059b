/** Good English of kinds that the word-order probe has not learnt, written for these tests; one piece a line. */
const lines = (text: string): string[] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim());

export const SHORT_ANSWERS = lines(`
  It melts at about eighty degrees.
  The bridge was closed because of a crack.
  Monks built it to store their salt.
  She left before the train arrived.
  Nobody knows who wrote the letter.
  Water expands when it freezes, so the pipe burst.
  They moved to the coast in search of work.
  The price doubled within a year.
  Because the key was lost, the door was broken open.
  Most of them were farmers from the valley.
  He sold the house and bought a boat.
  Only the captain survived the storm.
  The tax was meant to pay for the war.
  It depends on how much light the plant gets.
  Three of the five judges voted against it.
  The program stops and prints an error.
  You can undo it with the same command.
  Bread rises because the yeast makes gas.
  The older brother inherited the mill.
  It was cheaper than building a new road.
  The vote was postponed until spring.
  No, the law applies to companies only.
  Yes, as long as both sides agree in writing.
  Copper carries heat better than steel does.
  The second test failed for want of memory.
  By that time the river had changed its course.
  Her first novel made her famous overnight.
  It keeps the soil from drying out.
  The king refused to sign the treaty.
  Workers feared that they would lose their pensions.
  The lens bends the light towards the middle.
  Birds follow the coast when they migrate.
  The old version is kept beside the new one.
  They wanted to protect their children from the smoke.
  He had promised his father never to gamble.
  The museum opened in the former prison.
  Rain fell for nine days and washed the road away.
  A larger sample would have shown the difference.
  Glass is made from sand, soda and lime.
  The patient recovered after two weeks in bed.
  Sailors ate limes so as not to fall ill.
  The signal is too weak to pass the wall.
  His speech was shorter than anybody had expected.
  The teacher let them choose a book of their own.
  It saves fuel, but it takes longer.
  The contract ends when either party dies.
  Without the dam, the fields would be flooded.
  The dog had been sleeping under the stove.
  Merchants from the south brought silk and paper.
  They counted the ships from the top of the tower.
`);

export const QUESTIONS = lines(`
  Why did the families leave the valley after the flood?
  How does the program decide which files to copy first?
  What would have happened if the letter had arrived in time?
  Who was responsible for the repair of the old bridge?
  In what way does the new law protect tenants?
  When did people begin to use iron for their tools?
  Which of the two methods needs less water, and why?
  Where do the birds go when the lake freezes over?
  How can a reader tell whether the witness was lying?
  What made the captain change his mind about the harbour?
  Does the author believe that the war could have been avoided?
  Why is it dangerous to mix the two liquids?
  How long does the battery last when the screen is off?
  Under which conditions may the landlord raise the rent?
  What is the difference between a comet and an asteroid?
  If the price of bread rises, who suffers most from it?
  Why were the monks allowed to trade without paying taxes?
  How many of the prisoners returned to their villages?
  What did the teacher mean by saying that silence is an answer?
  Could the same result have been reached with a smaller sample?
  To whom did the old woman leave her house?
  Why does the engine need oil as well as fuel?
  What are the advantages of planting two crops side by side?
  How did the invention of printing change the work of scribes?
  Is there any evidence that the painting was made in Florence?
  According to the text, why did the experiment fail twice?
  What role did the river play in the growth of the town?
  Should the council have listened to the fishermen?
  How does a vaccine teach the body to defend itself?
  Why would a baker choose rye instead of wheat?
  What happens to the salt when sea water evaporates?
  Who benefits when a company is split into smaller ones?
  Since when has the tower been leaning, and by how much?
  Why did the editor cut the last chapter of the novel?
  How do bees find their way back to the hive?
  Which arguments did the lawyer use against the witness?
  What kept the two neighbours from settling their quarrel?
  How was the distance to the moon first measured?
  Why is the password stored only as a hash?
  What could a small farm do against falling prices?
  Before the railway came, how did the mail reach the island?
  What did the king promise in return for the loan?
  Why do some metals rust while others do not?
  Has the number of students grown since the fees were dropped?
  How might a critic answer the claim that art must please?
  At which temperature does the mixture become solid?
  Why was the border drawn along the river and not the hills?
  Whose idea was it to open the mine again?
  What do the footprints tell us about the animal?
  How should a beginner hold the bow of a violin?
`);

export const DIALOGUE_AND_TECHNICAL = lines(`
  "The bridge will be closed from Monday," said the engineer, and put her helmet on the table.
  "When did you find this?" asked the mayor. "In April, but it was a hand long then."
  "Could lorries cross one at a time?" "At night, when it is cold, one of twelve tons might pass. I would not sign it."
  "You're late," she said without looking up. "I know. The bus broke down again."
  "I don't care what he told you!" shouted the boy. "It's my kite, and I want it back."
  "Well," said the old man after a while, "if you must go, take the dog with you."
  "Have you ever been to Lisbon?" "Twice, but only for a day." "Then you haven't seen it."
  "No, no, no," he muttered, "that can't be right. Give me the other page."
  "Do you think they'll come?" Anna whispered. Her sister shrugged and went on peeling apples.
  "It isn't that I don't trust you," he began, but she had already closed the door.
  "Two coffees, please, and one of those." "With cream?" "Why not."
  "If I were you," the lawyer said, "I would keep quiet until they ask."
  "Who's there?" No answer came, only the creak of the stairs.
  "We'll need a longer rope," said Tom. "And a lamp. It's darker down there than you think."
  "Sorry, I didn't mean to wake you." "I wasn't asleep. What time is it?"
  "He sold it? All of it?" "Every acre, down to the creek."
  "So that's your plan," she laughed. "You wait, and I do the work."
  "Thank you, Doctor. And my knee?" "Your knee will be fine if you leave it alone."
  "Read it aloud," said the judge, and the clerk cleared his throat.
  "There were three of them, sir, and the tall one had a limp."
  "I've counted them again." "And?" "There is still one missing."
  "Don't touch that, it's hot!" But the child had already burnt her finger.
  "Tell him the truth," her father wrote, "and tell him soon."
  "Are you coming or not?" "In a minute. I can't find my other shoe."
  "It was you who lost the map," he said. "It was you who needed one," she answered.
  The parser reads one token at a time and keeps the rest of the line in a buffer of 4 KB.
  A request that takes longer than 30 s is cancelled, and the client may send it again.
  The function returns null if the key is missing; it throws only when the file cannot be read.
  Each packet carries a sequence number, so that the receiver can put them in order and notice gaps.
  Set the jumper to position 2 before you connect the board to a 5 V supply.
  The index is a B-tree whose leaves hold up to 128 keys and a pointer to the next leaf.
  When two threads write to the same row, the second one waits until the first has committed.
  The valve opens at 6 bar and closes again as soon as the pressure has fallen below 5.5 bar.
  Compile with -O2, since the loop is not unrolled at lower levels.
  A hash collision is resolved by probing the next slot until a free one is found.
  The amplifier has a gain of 40 dB and an input impedance of about 1 MΩ.
  Logs are rotated once a day and kept for two weeks, after which they are deleted.
  The server listens on port 8080 by default, but any other port can be given on the command line.
  Do not tighten the bolts fully before all four of them are in place.
  The cache holds the last 2000 vectors, and the least recently used one is dropped first.
  If the checksum does not match, the block is read again from another disk.
  Steel expands by about 12 millionths of its length for every degree.
  The model was trained for five epochs with a batch size of 32 and a learning rate of 0.001.
  Every node holds a copy of the chain, and the longest valid one wins.
  The type checker rejects the call because the second argument may be undefined.
  Drain the oil while the engine is still warm, and replace the filter at the same time.
  A relay separates the two circuits, so a fault on one side cannot damage the other.
  Garbage collection pauses the program for some milliseconds when the heap is nearly full.
  The script exits with status 1 unless all files could be copied.
  Measured at 20 °C, the sample had a density of 1.26 grams per cubic centimetre.
`);
