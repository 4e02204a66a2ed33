"""``python -m engine.evaluation TABLE [--limit N]``: single, joint, lct, ablations...; the last line is JSON."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import engine
from engine.arguments import positive
from engine.evaluation.ablations import ablations
from engine.evaluation.confusion import confusion, confusion_markdown
from engine.evaluation.judge import FOLDER, Judge
from engine.evaluation.lct import GAPS, lct
from engine.evaluation.scoring import ATTRIBUTES, PLAIN, Row
from engine.evaluation.seams import seams
from engine.evaluation.sheets import films, sheet
from engine.evaluation.stills import stills
from engine.evaluation.tables import TABLES

UNJUDGED = ("sheet", "films", "codec")  # need no judge
IDENTITY = ("identity", *(f"gap {gap}" for gap in GAPS), "return", "middle", "both")
ORDER = (*ATTRIBUTES, "all", *IDENTITY, "place kept", "time kept", "first third", "last third", *PLAIN)
SHEETS = {"sheet": sheet, "films": films}
RUN = TABLES | {"lct": lct, "stills": stills, "seams": seams, "ablations": ablations}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.evaluation", description=__doc__)
    parser.add_argument("table", choices=[*sorted(RUN), "confusion", "sheet", "films"])
    parser.add_argument("--limit", type=positive(int), default=64, help="scenes of each split")
    parser.add_argument("--seeds", type=positive(int), help="films of each scene: 1, lct 3")
    parser.add_argument("--backbone", default="pocket")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="ablations: the folder of all training runs")
    parser.add_argument("--record", type=Path, help="a training.json that is to remember the scores")
    parser.add_argument("-o", "--output", default="sheet.png", help="of a contact sheet")
    asked = parser.parse_args()
    if asked.record and not asked.record.is_file():
        sys.exit(f"{asked.record} does not exist; --record adds scores to the training.json of an export")
    try:
        judge = Judge.load() if asked.table not in UNJUDGED or FOLDER.is_dir() else None
        backbone = engine.load(asked.backbone)
    except ValueError as error:
        sys.exit(str(error))
    if asked.table in SHEETS:
        SHEETS[asked.table](backbone, asked.output, limit=asked.limit)
        return
    if asked.table == "confusion":
        sys.stdout.write(confusion_markdown(confusion(judge, limit=asked.limit)) + "\n")
        return
    seeds = asked.seeds or (3 if asked.table == "lct" else 1)
    table = partial(ablations, runs=asked.runs) if asked.table == "ablations" else RUN[asked.table]
    try:
        rows = list(table(backbone, judge, limit=asked.limit, seeds=seeds))
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(markdown(rows) + "\n")
    record = {row.name: {k: [round(v, 4) for v in s] for k, s in row.summary().items()} for row in rows}
    settings = {"table": asked.table, "limit": asked.limit, "seeds": seeds} | backbone.record()
    sys.stdout.write(json.dumps(settings | {"rows": record}) + "\n")
    if asked.record:
        remember(asked.record, asked.table, record)


def remember(path: Path, table: str, rows: dict[str, dict[str, list[float]]]) -> None:
    """Put a table's means beside the facts of the training that they judge."""
    facts = json.loads(path.read_text())
    means = {row: {name: values[0] for name, values in scores.items()} for row, scores in rows.items()}
    facts["scores"] = facts.get("scores", {}) | {table: means}
    path.write_text(json.dumps(facts, indent=2) + "\n")


def markdown(rows: list[Row]) -> str:
    """Rows as a markdown table; shares as percentages with the half width of their interval."""
    summaries = [(row.name, row.summary()) for row in rows]
    columns = [name for name in ORDER if any(name in summary for _, summary in summaries)]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, summary in summaries:
        cells = [_cell(column, summary.get(column)) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(column: str, value: tuple[float, float, float] | None) -> str:
    if value is None or value[0] != value[0]:
        return "–"
    mean, low, high = value
    scale, digits = (1, 2) if column in PLAIN else (100, 0)
    return f"{scale * mean:.{digits}f} ± {scale * (high - low) / 2:.{digits}f}"


if __name__ == "__main__":
    main()
