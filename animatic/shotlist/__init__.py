"""Shot lists: a table as people keep it in a spreadsheet becomes a pipelines file (`importing`), and back (`exporting`)."""
