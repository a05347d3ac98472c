"""What is committed runs anywhere: no address of a package registry, no path of one machine, no dead link."""

import re
from pathlib import Path

_HOSTS = ("pypi.org", "pythonhosted.org", "npmjs.org", "npmjs.com", "yarnpkg.com", "proxy.golang.org", "crates.io")
REGISTRY = re.compile("|".join(rf"\b{re.escape(host)}" for host in _HOSTS) + r"|--(?:extra-)?index-url|/simple/?\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|root|tmp|home/\w+|Users/\w+)(?=[/\s'\"`)]|$)", re.MULTILINE)

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _found(pattern: re.Pattern[str], files: list[Path], root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()[:120]}"
        for path in files
        if path != Path(__file__)
        for number, line in enumerate(_text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def _text(path: Path) -> str:
    """What a file says; nothing for pictures and the like."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode()


def test_no_registry_is_named(project_files: list[Path], root: Path) -> None:
    assert _found(REGISTRY, project_files, root) == []


def test_no_path_of_one_machine(project_files: list[Path], root: Path) -> None:
    assert _found(MACHINE_PATH, project_files, root) == []


def test_the_patterns_catch_what_they_are_for() -> None:
    assert REGISTRY.search("https://" + _HOSTS[0] + "/simple")
    assert MACHINE_PATH.search("open('/work/main/x')")
    assert MACHINE_PATH.search("cd /tmp")
    assert not MACHINE_PATH.search("sqlite:////var/lib/shop.db, https://example.org/work/a, ./tmp/x, GET /worker")


def test_links_in_the_documents_lead_somewhere(project_files: list[Path], root: Path) -> None:
    links = [(path, target) for path in project_files if path.suffix == ".md" for target in _links(path)]
    assert [f"{path.relative_to(root)}: {target}" for path, target in links if not _leads(path, target)] == []


def _links(path: Path) -> list[str]:
    return [link or image for link, image in LINK.findall(FENCE.sub("", path.read_text()))]


def _leads(path: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True  # the outside world is not asked
    name, _, anchor = target.partition("#")
    other = (path.parent / name).resolve() if name else path
    return other.exists() and (not anchor or other.suffix != ".md" or anchor in _anchors(other))


def _anchors(path: Path) -> set[str]:
    headings = HEADING.findall(FENCE.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_what_is_to_be_run_can_be_run(root: Path) -> None:
    for name in ("headwater", ".ci/run", "requirements/refresh"):
        assert (root / name).stat().st_mode & 0o100, f"{name} is not executable"
