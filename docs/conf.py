"""Sphinx builds this folder into pages: make docs."""

import importlib.metadata

project = "winestream"
author = "the winestream authors"
release = version = importlib.metadata.version("winestream")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Every page says what it is about in its first heading; runbooks' index is a README.
exclude_patterns = ["model/**"]
nitpicky = True

html_theme = "furo"
html_title = "winestream"
html_static_path: list[str] = []
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#7b1e3a",
        "color-brand-content": "#7b1e3a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#d98ba1",
        "color-brand-content": "#d98ba1",
    },
}
