"""The documentation as a site: guides from this folder, reference from the collection. `make docs` builds it."""

project = "everywhere.dnsmasq"
copyright = "the everywhere.dnsmasq founders, GPL-3.0-or-later"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# Files to copy, not pages.
exclude_patterns = ["examples"]
# A link to a heading of a page is checked like one to the page.
myst_heading_anchors = 3
html_theme = "furo"
# May be broken behind the dot, and nowhere else, where the sidebar is narrow.
html_title = "everywhere.\u200bdnsmasq"
nitpicky = True
# What is described on other sites.
nitpick_ignore_regex = [("envvar", "ANSIBLE_.*")]
default_role = "any"
