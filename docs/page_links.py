"""Links to files of pages, as a code host shows them, become links of the site and are checked."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOG = logging.getLogger(__name__)


class PageLink(nodes.Element):
    """A link to a page until all pages are read; ``target`` is the page, ``anchor`` a section."""


class FindPageLinks(SphinxTransform):
    """Find links to files of pages, as a code host shows them: they become links of the site."""

    default_priority = 5

    def apply(self) -> None:
        """Replace each by one that is resolved when all pages are known."""
        for link in list(self.document.findall(nodes.reference)):
            target, _, anchor = link.get("refuri", "").partition("#")
            if not target.endswith((".rst", ".md")) or ":" in target:
                continue
            page = normpath(join(dirname(self.env.docname), target))
            page = page.removesuffix(".rst").removesuffix(".md")
            found = PageLink("", *link.children, target=page, anchor=anchor)
            found.source, found.line = link.source, link.line
            link.replace_self(found)


class ResolvePageLinks(SphinxPostTransform):
    """Make the links, and warn of those to pages and sections that are not there."""

    default_priority = 5

    def run(self) -> None:
        """Replace each by a reference; one that names a file alone shows the title of its page."""
        for link in list(self.document.findall(PageLink)):
            page, anchor = link["target"], link["anchor"]
            text = link.astext()
            if page not in self.env.found_docs or (
                anchor and anchor not in self.env.get_doctree(page).ids
            ):
                LOG.warning("no such page or section: %s %s", page, anchor, location=link)
                link.replace_self(nodes.Text(text))
                continue
            title = self.env.titles[page].astext() if text.endswith((".rst", ".md")) else text
            here = self.env.docname
            content = nodes.inline("", title)
            link.replace_self(make_refnode(self.app.builder, here, page, anchor, content))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_node(PageLink)
    app.add_transform(FindPageLinks)
    app.add_post_transform(ResolvePageLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
