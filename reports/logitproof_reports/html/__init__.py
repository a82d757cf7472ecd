"""Self-contained pages: templates, style sheets and scripts, and columns packed into a page."""
