"""JSON Schema of pipelines files, for editors: single fields, the file itself, and both together."""
