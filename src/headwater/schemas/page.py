"""The catalogue as one page of HTML that needs nothing else."""

from html import escape
from pathlib import Path

from headwater.fold import App
from headwater.schemas.catalogue import Entry, facts, pretty

_STYLE = Path(__file__).with_name("catalogue.css")


def as_html(app: App, entries: list[Entry]) -> str:
    """The page."""
    owners = len({each.owner for each in entries if each.owner})
    counted = f"{len(entries)} event types" + (f", {owners} owners" if owners else "")
    name = escape(app.name)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Events of {name}</title>\n<style>{_STYLE.read_text()}</style>\n</head>\n<body>\n"
        f'<header><div class="wrap"><h1>Events of {name}</h1><p>{counted}</p></div></header>\n'
        f'<div class="wrap two">\n<nav aria-label="Event types">{_index(entries)}</nav>\n'
        f"<main>\n{''.join(map(_article, entries))}</main>\n</div>\n</body>\n</html>\n"
    )


def _index(entries: list[Entry]) -> str:
    parts, group = [], None
    for each in entries:
        first = each.type.partition(".")[0]
        if first != group:
            parts.append(f"<b>{escape(first)}</b>")
            group = first
        parts.append(f'<a href="#{escape(each.type)}">{escape(each.type.partition(".")[2] or each.type)}</a>')
    return "".join(parts)


def _article(entry: Entry) -> str:
    marks = f'<span class="mark">version {entry.version}</span>'
    marks += f'<span class="mark">{escape(entry.owner)}</span>' if entry.owner else ""
    marks += "".join(map(_kept, entry.classifications))
    said = f"<p>{escape(entry.description)}</p>" if entry.description else ""
    known = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts(entry))
    return (
        f'<article id="{escape(entry.type)}"><div class="head"><h2>{escape(entry.type)}</h2>{marks}</div>'
        f"{said}<dl>{known}</dl>{_table(entry)}{_example(entry)}</article>\n"
    )


def _kept(classification: str) -> str:
    return f'<span class="mark kept">{escape(classification)}</span>' if classification else ""


def _table(entry: Entry) -> str:
    if not entry.fields:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(row.name)}</code></td><td>{escape(row.form)}"
        f"{f'<small>{escape(row.description)}</small>' if row.description else ''}</td>"
        f"<td>{'required' if row.required else '<span class=optional>optional</span>'}</td>"
        f"<td>{_kept(row.classification)}</td></tr>"
        for row in entry.fields
    )
    head = "<tr><th>Field</th><th>What it is</th><th></th><th></th></tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _example(entry: Entry) -> str:
    if entry.example is None:
        return ""
    how = "Example" if entry.example_declared else "Example (made up)"
    return f"<details><summary>{how}</summary><pre>{escape(pretty(entry.example))}</pre></details>"
