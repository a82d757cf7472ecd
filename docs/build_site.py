"""Build a static site of README, docs, the specification and all bug reports: python docs/build_site.py FOLDER.

The pages have the paths of their sources, with .html in place of .md, load nothing from elsewhere and need no
script. A link to a folder leads to a list of its pages, one to any other file to a page that shows it.
"""

# ruff: noqa: INP001, T201

from __future__ import annotations

import html
import posixpath
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
HOME = "README.md"
SOURCES = ("docs/*.md", "reports/findings/*.md", "reference/logitproof_reference/specification/SPEC.md", "CHANGELOG.md")
PICTURES = {".png", ".svg"}
NAVIGATION = {
    "Start": (HOME, "docs/index.md", "docs/logits-to-loss.md", "docs/claims.md"),
    "Use": (
        *("docs/upgrade.md", "docs/port-a-model.md", "docs/check-your-kernel.md", "docs/maintain-a-framework.md"),
        *("docs/write-an-adapter.md", "docs/contest-a-verdict.md", "docs/targets.md", "docs/parity.md"),
        *("docs/loss-heads.md", "docs/invariance.md", "docs/sweep.md"),
    ),
    "Look up": (
        *("docs/read-a-verdict.md", "docs/frameworks.md", "docs/dialects.md", "docs/findings.md", "docs/machines.md"),
        *(
            "docs/releases.md",
            "docs/atlas.md",
            "docs/replay.md",
            "docs/security.md",
            "docs/design.md",
            "reference/logitproof_reference/specification/SPEC.md",
            "CHANGELOG.md",
        ),
    ),
}
"""What every page leads to."""

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


class BrokenLink(Exception):  # noqa: N818  a fault of the page, told in one line
    """A page names a file that is not there."""


@dataclass(frozen=True)
class Page:
    """A page of the site: its path in the repository, its title, and the HTML below it."""

    source: str
    title: str
    body: str

    @property
    def place(self) -> str:
        """Path of the page within the site."""
        return place_of(self.source)


def place_of(source: str) -> str:
    """Return where a file of the repository stands in the site.

    >>> [place_of(one) for one in ("README.md", "docs/upgrade.md", "LICENSE", "docs/loss.svg", "reports/findings")]
    ['index.html', 'docs/upgrade.html', 'LICENSE.html', 'docs/loss.svg', 'reports/findings/index.html']
    """
    if source == HOME:
        return "index.html"
    if (ROOT / source).is_dir():
        return f"{source}/index.html"
    stem, suffix = posixpath.splitext(source)
    return source if suffix in PICTURES else f"{stem if suffix == '.md' else source}.html"


def build(folder: Path) -> list[Page]:
    """Write the site into a folder, which is emptied first, and return its pages.

    Raises
    ------
    BrokenLink
        A page links to a file that the repository does not have.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sources = [HOME, *(str(path.relative_to(ROOT)) for pattern in SOURCES for path in sorted(ROOT.glob(pattern)))]
    pages, linked = [], dict.fromkeys(sources)
    while len(pages) < len(linked):
        source = list(linked)[len(pages)]
        page, targets = page_of(source)
        pages.append(page)
        linked |= dict.fromkeys(target for target in targets if Path(target).suffix not in PICTURES)
        for picture in (target for target in targets if Path(target).suffix in PICTURES):
            place = folder / picture
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / picture, place)
    titles = {page.source: page.title for page in pages}
    for page in pages:
        place = folder / page.place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(rendered(page, titles), encoding="utf-8", newline="\n")
    shutil.copyfile(ROOT / "docs" / "site" / "site.css", folder / "site.css")
    return pages


def rendered(page: Page, titles: dict[str, str]) -> str:
    """Return a page as HTML."""
    templates = Environment(loader=FileSystemLoader(ROOT / "docs" / "site"), autoescape=True, undefined=StrictUndefined)
    shown = {
        group: [(titles[one], relative(page.place, place_of(one)), one == page.source) for one in sources]
        for group, sources in NAVIGATION.items()
    }
    style = relative(page.place, "site.css")
    return templates.get_template("page.html.j2").render(page=page, navigation=shown, style=style)


def page_of(source: str) -> tuple[Page, list[str]]:
    """Return the page of a file or folder, and the files of the repository that it links to."""
    path = ROOT / source
    if path.is_dir():
        listed = [f"{source}/{one.name}" for one in sorted(path.glob("*.md"))]
        lines = "\n".join(f"- [{title_of(one)}]({Path(one).name})" for one in listed)
        return from_markdown(source, f"# {path.name.capitalize()}\n\n{lines}\n", source)
    if path.suffix == ".md":
        return from_markdown(source, path.read_text(encoding="utf-8"), posixpath.dirname(source))
    text = html.escape(path.read_text(encoding="utf-8"))
    return Page(source, source, f"<h1>{html.escape(source)}</h1>\n<pre><code>{text}</code></pre>"), []


def title_of(source: str) -> str:
    """Return the first heading of a Markdown file."""
    found = re.search(r"^# (.+)$", (ROOT / source).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1] if found else Path(source).stem


def from_markdown(source: str, text: str, folder: str) -> tuple[Page, list[str]]:
    """Return the page of a Markdown text whose links start in a folder of the repository, and what it links to."""
    tokens = MARKDOWN.parse(text)
    targets: list[str] = []
    seen: dict[str, int] = {}
    title = ""
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[place + 1].content
            title = title or re.sub(r"[`*]", "", words)
            token.attrSet("id", anchor(words, seen))
        for link, name in links_of(token.children or ()):
            link.attrSet(name, rewritten(source, str(link.attrGet(name)), folder, targets))
    body = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    wide = body.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    return Page(source, title, wide.replace("<pre>", '<pre tabindex="0">')), targets


def links_of(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """Yield the links and pictures of a paragraph, each with the attribute that holds the address."""
    names = {"link_open": "href", "image": "src"}
    yield from ((token, names[token.type]) for token in tokens if token.type in names)


def rewritten(source: str, address: str, folder: str, targets: list[str]) -> str:
    """Return an address as the site has it, and add what it leads to within the repository to `targets`."""
    path, mark, fragment = address.partition("#")
    if "://" in path or not path or path.startswith("mailto:"):
        return address
    target = posixpath.normpath(posixpath.join(folder, path))
    if not (ROOT / target).exists():
        raise BrokenLink(f"{source} links to {address}, which is not there")
    targets.append(target)
    return relative(place_of(source), place_of(target)) + mark + fragment


def relative(start: str, end: str) -> str:
    """Return the address of one page of the site as another names it."""
    return quote(posixpath.relpath(end, posixpath.dirname(start) or "."))


def anchor(words: str, seen: dict[str, int]) -> str:
    """Return the anchor of a heading as GitHub makes it.

    >>> seen = {}
    >>> anchor("Gates and exit `statuses`!", seen), anchor("Gates and exit statuses", seen)
    ('gates-and-exit-statuses', 'gates-and-exit-statuses-1')
    """
    name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
    number = seen.get(name, 0)
    seen[name] = number + 1
    return f"{name}-{number}" if number else name


if __name__ == "__main__":
    print(f"{len(build(Path(sys.argv[1])))} pages in {sys.argv[1]}")
