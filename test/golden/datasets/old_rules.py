"""What the data collector of openvalidators 1.2.0 made of runs, restated with pandas.

    python old_rules.py BLACKLIST EVENTS... OUT

EVENTS are rows of openvalidators 1.0 (one for each round of a question and its answer) or events of this program, from
which the same rows are made: an answer belongs to the last follow-up before it of its pass and number. Writes one file
for each old format into OUT. Not needed by any test: its files are committed beside it, made with pandas 3.1.1.
Two faults of 1.2.0 are left out: the OpenAI and scored forms took an answer's rewards for its question as well, and a
half that was not logged became the text NaN.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd

COLUMNS = ["base_prompt", "best_followup", "followup_rewards", "answer_prompt", "best_answer", "answer_rewards"]


def events_of(paths):
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the end of the file, or a line that was cut


def rounds_of(events):
    """One row for each round; halves that are missing or that nobody answered stay empty."""
    rows, open_rounds = [], {}
    for event in events:
        if "answer_prompt" in event:
            rows.append({name: event[name] for name in COLUMNS})
            continue
        match = re.fullmatch(r"(followup|answer)(\d*)", event.get("name", ""))
        if event.get("kind") != "step" or match is None:
            continue
        task, number = match.groups()
        key = (event["run"], event["forward"], number)
        if task == "followup" or key not in open_rounds:
            open_rounds[key] = {name: None for name in COLUMNS}
            rows.append(open_rounds[key])
        if event["best"] != "":
            prompt = "base_prompt" if task == "followup" else "answer_prompt"
            open_rounds[key].update(
                {prompt: event["prompt"], f"best_{task}": event["best"], f"{task}_rewards": event["rewards"]}
            )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("followup_rewards", "answer_rewards"):
        frame[name] = frame[name].map(lambda rewards: None if rewards is None else float(max(rewards)))
    return frame


def halves(frame, order, blacklist):
    for _, row in frame.iterrows():
        for task in order:
            prompt = row["base_prompt" if task == "followup" else "answer_prompt"]
            best = row[f"best_{task}"]
            if pd.notna(prompt) and best not in blacklist:
                yield prompt, best, row[f"{task}_rewards"]


def main():
    blacklist_path, *event_paths, out = sys.argv[1:]
    blacklist = [line.strip() for line in Path(blacklist_path).read_text(encoding="utf-8").splitlines()]
    frame = rounds_of(events_of(event_paths))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, text):
        (folder / name).write_text(text, encoding="utf-8", newline="")

    plain, scored = {}, {}
    for prompt, best, reward in halves(frame, ("answer", "followup"), blacklist):
        plain[prompt] = best
        scored[prompt] = {best: reward}
    write("mining-json.json", json.dumps(plain))
    write("mining-json-scored.json", json.dumps(scored))
    pairs = halves(frame, ("followup", "answer"), blacklist)
    write("openai.jsonl", "\n".join(json.dumps({"prompt": prompt, "completion": best}) for prompt, best, _ in pairs))

    whole = frame.dropna()
    whole = whole[~whole["best_followup"].isin(blacklist) & ~whole["best_answer"].isin(blacklist)]
    whole.to_csv(folder / "mining-csv-scored.csv", lineterminator="\n")
    whole.drop(columns=["followup_rewards", "answer_rewards"]).to_csv(folder / "mining-csv.csv", lineterminator="\n")


if __name__ == "__main__":
    main()
