"""Two runs compared: classes of change, the ruling on them, and the page, Markdown and JSON that show it."""
